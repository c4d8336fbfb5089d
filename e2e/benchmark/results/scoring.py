"""Scores an outcome: attainment, device-hours and cost, in total and in blocks for resampling.

Each of several deployments has equal weight, whatever its number of requests: a bank's embeddings must not hide its chat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmark.results.results import Hour, Outcome
    from benchmark.scenarios.scenario import Scenario

HOUR_SECONDS = 3600
BLOCK_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A day, or the rest of one.

    Requests and those that met the SLO are fractions of their deployment's requests; devices are in hours.
    """

    requests: float
    met: float
    device_hours: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of one run: attainments in percent of requests, device-hours, cost."""

    blocks: tuple[Block, ...]
    attainment: float
    worst_deployment: float
    worst_hour: float
    device_hours: float
    cost: float
    changes_per_day: float
    reversals_per_day: float


def score_of(scenario: Scenario, outcome: Outcome) -> Score:
    """The score of an outcome after its training part."""
    first = scenario.train_seconds // HOUR_SECONDS
    days = outcome.seconds / (24.0 * HOUR_SECONDS)
    deployments = [_weighted(served.hours[first:]) for served in outcome.served]
    hours = [list(row) for row in zip(*deployments, strict=True)]
    blocks = tuple(
        _block([hour for row in hours[start : start + BLOCK_HOURS] for hour in row], scenario.prices)
        for start in range(0, len(hours), BLOCK_HOURS)
    )
    total = _block([hour for row in hours for hour in row], scenario.prices)
    return Score(
        blocks=blocks,
        attainment=percent(total.met, total.requests),
        worst_deployment=min(_attainment(part) for part in deployments),
        worst_hour=min(_attainment([hour]) for part in deployments for hour in part),
        device_hours=total.device_hours,
        cost=total.cost,
        changes_per_day=sum(served.changes for served in outcome.served) / days,
        reversals_per_day=sum(served.reversals for served in outcome.served) / days,
    )


def percent(part: float, whole: float) -> float:
    """A share in percent; 100 if the whole is 0."""
    return 100.0 * part / whole if whole > 0 else 100.0


def _weighted(hours: Sequence[Hour]) -> list[Hour]:
    """The hours of a deployment with requests as fractions of its total."""
    total = sum(hour.requests for hour in hours)
    return [replace(hour, requests=hour.requests / total, met=hour.met / total) for hour in hours] if total else list(hours)


def _attainment(hours: Sequence[Hour]) -> float:
    return percent(sum(hour.met for hour in hours), sum(hour.requests for hour in hours))


def _block(hours: Iterable[Hour], prices: Mapping[str, float]) -> Block:
    requests = met = devices = cost = 0.0
    for hour in hours:
        requests += hour.requests
        met += hour.met
        devices += sum(hour.device_hours.values())
        cost += sum(prices[pool] * held for pool, held in hour.device_hours.items())
    return Block(requests=requests, met=met, device_hours=devices, cost=cost)

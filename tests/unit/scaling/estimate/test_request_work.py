"""Requests that become more work."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from modelmatrix.scaling.estimate.request_work import MAX_GROWTH, RequestWork, lengths_of
from modelmatrix.scaling.observation.observation import Traffic, Variant
from observations import LENGTHS, reading, traffic, variant


def serving(rate: float, *, prompts: float = 1.0, ready: int = 4, **fields: Any) -> Variant:
    """Replicas that share a rate of requests whose prompts are so many times as long as usual."""
    engine = reading(rate / ready)
    longer = replace(engine, prompt_tokens_per_second=prompts * engine.prompt_tokens_per_second)
    return variant(ready, **{"engine": longer} | fields)


def found(seen: Traffic, *variants: Variant) -> tuple[float, float]:
    lengths = lengths_of(seen, variants)
    assert lengths.output_tokens == seen.output_tokens
    return lengths.input_tokens, lengths.hit_ratio


def test_as_long_as_nothing_changes_finished_requests_tell() -> None:
    assert found(traffic(30.0), serving(30.0)) == (LENGTHS.input_tokens, 0.0)
    assert found(traffic(30.0), serving(30.0, prompts=0.5)) == (LENGTHS.input_tokens, 0.0)


def test_longer_prompts_are_noticed_when_they_are_computed() -> None:
    assert found(traffic(30.0), serving(30.0, prompts=2.0)) == (pytest.approx(2 * LENGTHS.input_tokens), 0.0)


def test_a_lost_cache_is_noticed_when_prompts_are_computed() -> None:
    seen = traffic(30.0, hit_ratio=0.6)
    assert found(seen, serving(30.0, prompts=0.4)) == (LENGTHS.input_tokens, 0.6)
    tokens, hit = found(seen, serving(30.0, prompts=0.9))
    assert (tokens, hit) == (LENGTHS.input_tokens, pytest.approx(0.1))


def test_pools_are_added() -> None:
    half = traffic(30.0)
    tokens, _ = found(half, serving(15.0, prompts=2.0), replace(serving(15.0, prompts=2.0), pool="b"))
    assert tokens == pytest.approx(2 * LENGTHS.input_tokens)


@pytest.mark.parametrize(
    ("seen", "pool"),
    [
        (traffic(0.3), serving(0.3, prompts=3.0)),
        (traffic(1.0), serving(1.0, prompts=1.3)),
        (traffic(30.0, waiting=50.0), serving(30.0, prompts=3.0)),
        (traffic(30.0), serving(30.0, prompts=3.0, settled=3)),
        (traffic(30.0), serving(30.0, engine=None)),
        (traffic(30.0), serving(30.0, engine=replace(reading(9.0), prompt_tokens_per_second=nan))),
    ],
    ids=["few requests", "noise", "a backlog", "young replicas", "no reading", "not a number"],
)
def test_what_may_be_chance_is_not_believed(seen: Traffic, pool: Variant) -> None:
    assert found(seen, pool) == (LENGTHS.input_tokens, 0.0)


def test_a_pool_without_replicas_needs_no_reading() -> None:
    tokens, _ = found(traffic(30.0), serving(30.0, prompts=2.0), variant(0, pool="b"))
    assert tokens == pytest.approx(2 * LENGTHS.input_tokens)


def learned(*minutes: float) -> RequestWork:
    work = RequestWork()
    for seconds in minutes:
        work = work.updated(seconds)
    return work


def test_growth_goes_on() -> None:
    work = learned(*(0.1 + 0.001 * minute for minute in range(10)))
    assert work.growth(300.0) == pytest.approx(1.0 + 5 * 0.001 / 0.109)


def test_shrinking_does_not_and_nothing_explodes() -> None:
    assert learned(0.2, 0.18, 0.16, 0.14, 0.12).growth(300.0) == 1.0
    assert learned(0.01, 0.1, 1.0, 10.0, 100.0).growth(3600.0) == MAX_GROWTH
    assert learned(0.1, 0.2).growth(300.0) == RequestWork().growth(300.0) == 1.0


def test_ten_minutes_are_remembered() -> None:
    assert learned(*(1.0 + minute for minute in range(25))).minutes == tuple(float(minute) for minute in range(16, 26))

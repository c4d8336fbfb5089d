"""Requests that missed the SLO, from histograms that know one bound each. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.scaling.observation.observation import BoundAttainment, Traffic

MIN_REQUESTS = 20.0  # fewer say nothing about a percentage


@dataclass(frozen=True, slots=True)
class SloMisses:
    """Requests of the observed time, and how many of them missed the SLO at most."""

    requests: float
    missed: float

    @property
    def share(self) -> float:
        """Share of the requests that missed the SLO."""
        return self.missed / self.requests


def misses(traffic: Traffic) -> SloMisses | None:
    """Requests and misses; ``None`` where nothing was measured against the SLO.

    Two histograms know no joint share: the misses of all bounds are added, as if no request missed two of them.
    """
    shares = [share for share in (traffic.ttft, traffic.tpot, traffic.e2e) if share is not None and share.requests > 0]
    if not shares:
        return None
    requests = max(share.requests for share in shares)
    return SloMisses(requests, min(requests, sum(requests * (1.0 - share.ratio) for share in shares)))


def attainment(traffic: Traffic) -> float | None:
    """Percentage of requests within the SLO, a lower bound; ``None`` where too few were measured."""
    shares: list[BoundAttainment] = [share for share in (traffic.ttft, traffic.tpot, traffic.e2e) if share is not None]
    found = misses(traffic)
    if found is None or min(share.requests for share in shares) < MIN_REQUESTS:
        return None
    return 100.0 * (1.0 - found.share)

"""The share of requests that missed the SLO, from one latency histogram per bound.

Engines export separate histograms of TTFT, TPOT and end-to-end latency, so the joint share of requests that met all bounds
is unknown. The misses of all bounds are added, as if no request missed two of them: an upper bound of the misses. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.scaling.observation.observation import BoundAttainment, Traffic

MIN_REQUESTS = 20.0  # a percentage of fewer is mostly noise


@dataclass(frozen=True, slots=True)
class SloMisses:
    """Requests of the observed time, and the most of them that can have missed the SLO."""

    requests: float
    missed: float

    @property
    def share(self) -> float:
        """Share of the requests that missed the SLO."""
        return self.missed / self.requests


def misses(traffic: Traffic) -> SloMisses | None:
    """Requests and misses; ``None`` where no request was measured against a bound."""
    shares = [share for share in (traffic.ttft, traffic.tpot, traffic.e2e) if share is not None and share.requests > 0]
    if not shares:
        return None
    requests = max(share.requests for share in shares)
    return SloMisses(requests, min(requests, sum(requests * (1.0 - share.ratio) for share in shares)))


def attainment(traffic: Traffic) -> float | None:
    """Percentage of requests within the SLO, a lower bound; ``None`` where too few were measured."""
    shares: list[BoundAttainment] = [share for share in (traffic.ttft, traffic.tpot, traffic.e2e) if share is not None]
    slo_misses = misses(traffic)
    if slo_misses is None or min(share.requests for share in shares) < MIN_REQUESTS:
        return None
    return 100.0 * (1.0 - slo_misses.share)

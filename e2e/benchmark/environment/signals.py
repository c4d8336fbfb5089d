"""The Prometheus queries of other projects' autoscalers, answered from scraped samples.

One implementation for all of them: gauges summed over pages, means and rates over windows, quantiles of histograms. A
value is ``None`` where Prometheus would give no element, and not a number where a gauge is none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from modelmatrix.simulation.cluster.replica_set import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from modelmatrix.simulation.cluster.policy import Observation
    from modelmatrix.simulation.engine.samples import EngineSample, HistogramSample

    Read = Callable[[EngineSample], float]

# Two scrapes: a target that could not be scraped has no value from the next scrape on.
FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Signals:
    """The samples of one deployment (or of one of its variants) as of ``second``, oldest first."""

    second: float
    series: tuple[Sequence[EngineSample], ...]

    def gauge(self, read: Read) -> float | None:
        """The sum of the newest values."""
        newest = [samples[-1] for samples in self.series if self.second - samples[-1].second <= FRESH_SECONDS]
        return sum(map(read, newest)) if newest else None

    def mean(self, read: Read, seconds: float) -> float | None:
        """The mean of the sum over the scrapes of a window."""
        sums: dict[float, float] = defaultdict(float)
        for sample in self._within(seconds):
            sums[sample.second] += read(sample)
        return sum(sums.values()) / len(sums) if sums else None

    def highest(self, read: Read, seconds: float) -> float | None:
        """The highest value of any page in a window."""
        return max(map(read, self._within(seconds)), default=None)

    def rate(self, read: Read, seconds: float) -> float | None:
        """Growth of a counter per second, resets accounted for."""
        grown, spanned = 0.0, 0.0
        for window in self._windows(seconds):
            grown += _increase([read(sample) for sample in window])
            spanned = max(spanned, window[-1].second - window[0].second)
        return grown / spanned if spanned else None

    def ratio(self, of: Read, by: Read, seconds: float) -> float | None:
        """Growth of a counter per growth of another: ``increase(_sum) / increase(_count)``."""
        upper, lower = self.rate(of, seconds), self.rate(by, seconds)
        return upper / lower if upper is not None and lower else None

    def quantile(self, read: Callable[[EngineSample], HistogramSample], share: float, seconds: float) -> float | None:
        """``histogram_quantile``: interpolated in its bucket, the highest bound for what lies above."""
        totals: list[float] = []
        bounds: tuple[float, ...] = ()
        for window in self._windows(seconds):
            first, last = read(window[0]), read(window[-1])
            bounds = last.bounds
            base = first.cumulative if last.count >= first.count else (0.0,) * len(last.cumulative)
            grown = [now - before for now, before in zip(last.cumulative, base, strict=True)]
            totals = [a + b for a, b in zip(totals, grown, strict=True)] if totals else grown
        return _quantile(bounds, totals, share) if totals and totals[-1] > 0 else None

    def _within(self, seconds: float) -> Iterator[EngineSample]:
        for window in self._windows(seconds):
            yield from window

    def _windows(self, seconds: float) -> Iterator[Sequence[EngineSample]]:
        """The samples of each page that are not older than a window."""
        oldest = self.second - seconds
        for samples in self.series:
            first = len(samples)
            while first and samples[first - 1].second >= oldest:
                first -= 1
            if first < len(samples):
                yield samples[first:]


def signals(observation: Observation, variant: str = "") -> Signals:
    """The signals of a deployment, or of one of its variants.

    A page is named after its replica or, where it is the sum over a variant's replicas, after the variant.
    """
    samples = observation.samples
    if not variant:
        return Signals(observation.second, tuple(samples.values()))
    if variant in samples:
        return Signals(observation.second, (samples[variant],))
    names = {variant, *(replica.name for replica in observation.replicas if replica.variant == variant)}
    return Signals(observation.second, tuple(kept for name, kept in samples.items() if name in names))


def ready(observation: Observation, variant: str = "") -> int:
    """Replicas that serve."""
    return sum(one.phase is Phase.READY and variant in {"", one.variant} for one in observation.replicas)


def in_flight(sample: EngineSample) -> float:
    """Requests that an engine has, running or not."""
    return sample.running + sample.waiting


def waiting(sample: EngineSample) -> float:
    """Requests in the queue of an engine."""
    return sample.waiting


def _increase(values: list[float]) -> float:
    """Growth of a counter: a fall is a restart from zero."""
    return sum(after - before if after >= before else after for before, after in pairwise(values))


def _quantile(bounds: tuple[float, ...], cumulative: Sequence[float], share: float) -> float:
    rank = share * cumulative[-1]
    for index, (bound, count) in enumerate(zip((*bounds, inf), cumulative, strict=True)):
        if count >= rank:
            if index == len(bounds):
                return bounds[-1]
            below, lower = (cumulative[index - 1], bounds[index - 1]) if index else (0.0, 0.0)
            return lower + (bound - lower) * (rank - below) / (count - below) if count > below else bound
    return bounds[-1]

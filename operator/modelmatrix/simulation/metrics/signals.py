"""What the operator makes of scraped samples: traffic, how good the signals are, and how the engines of each pool run.

The same windows and sums as its PromQL (``telemetry.queries``), computed from the samples of the simulation. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import median

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.observation.observation import BoundAttainment, EngineReading, Traffic
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.engine.samples import EngineSample, HistogramSample
from modelmatrix.simulation.metrics.promql import Window, window

FAST_SECONDS, SHORT_SECONDS, OBSERVED_SECONDS, LONG_SECONDS, LENGTH_SECONDS = 30.0, 60.0, 120.0, 180.0, 600.0
# A sample that is older says nothing about now.
FRESH_SECONDS = 60.0
# Replicas that have been ready for less may not have been scraped yet.
SETTLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of one deployment; ``traffic`` is ``None`` where they tell none, ``engines`` are by variant."""

    quality: Reason
    message: str
    traffic: Traffic | None
    engines: Mapping[str, EngineReading]


def signals_of(seen: Observation, slo: SloBounds) -> Signals:
    """What the operator would know."""
    pages = _ScrapedPages.of(seen)
    ready = [one for one in seen.replicas if one.phase is Phase.READY]
    missing = [one for one in ready if not pages.shows(one)]
    measured = len(ready) - len(missing)
    traffic = pages.traffic(slo, measured if missing else None) if measured else None
    if traffic is None or any(_is_settled(one, seen.second) for one in missing):
        return Signals(Reason.SIGNALS_MISSING, f"{measured} of {len(ready)} replicas are measured", traffic, {})
    quality = Reason.NO_TRAFFIC if traffic.is_idle else Reason.SIGNALS_FRESH
    return Signals(quality, f"{measured} replicas are measured", traffic, pages.engines())


def _is_settled(replica: ReplicaView, second: float) -> bool:
    return replica.ready_seconds is not None and second - replica.ready_seconds >= SETTLED_SECONDS


@dataclass(frozen=True, slots=True)
class _Series:
    """The samples of one page, and the replicas behind it: one, or all of a variant; 0 where they are gone."""

    variant: str
    replicas: int
    windows: Mapping[float, Window]


@dataclass(frozen=True, slots=True)
class _ScrapedPages:
    """All pages of a deployment. A page is named after its replica or, where it sums over those of a variant, after that."""

    series: tuple[_Series, ...]
    shown: frozenset[str]

    @classmethod
    def of(cls, seen: Observation) -> _ScrapedPages:
        serving = [one for one in seen.replicas if one.phase is not Phase.STARTING]
        behind = Counter(one.variant for one in serving) + Counter(one.name for one in serving)
        variants = {name: one.variant for one in serving for name in (one.name, one.variant)}
        series, shown = [], set()
        for name, samples in seen.samples.items():
            is_shown = name in behind and bool(samples) and _is_usable(samples[-1], seen.second)
            shown |= {name} if is_shown else set()
            windows = {
                seconds: window(samples, seen.second, seconds)
                for seconds in (FAST_SECONDS, SHORT_SECONDS, OBSERVED_SECONDS, LONG_SECONDS, LENGTH_SECONDS)
            }
            series.append(_Series(variants.get(name, ""), behind[name] if is_shown else 0, windows))
        return cls(tuple(series), frozenset(shown))

    def shows(self, replica: ReplicaView) -> bool:
        """Whether a replica is measured."""
        return replica.name in self.shown or replica.variant in self.shown

    def traffic(self, slo: SloBounds, measured: int | None) -> Traffic | None:
        """The traffic of all engines; ``None`` where a number is none."""
        finished = self._growth(_finished, LENGTH_SECONDS)
        prompts = self._growth(lambda page: page.prefix_queries, LENGTH_SECONDS)
        rates = {seconds: self._arrivals(seconds) for seconds in (FAST_SECONDS, SHORT_SECONDS, LONG_SECONDS)}
        if not all(map(isfinite, rates.values())):
            return None
        return Traffic(
            arrivals_per_second=rates[SHORT_SECONDS],
            arrivals_per_second_long=rates[LONG_SECONDS],
            arrivals_per_second_fast=rates[FAST_SECONDS],
            waiting=self._now(_waiting),
            running=self._now(_running),
            input_tokens=_ratio(self._growth(lambda page: page.request_prompt_tokens, LENGTH_SECONDS), finished),
            output_tokens=_ratio(self._growth(lambda page: page.request_generation_tokens, LENGTH_SECONDS), finished),
            hit_ratio=_ratio(self._growth(lambda page: page.prefix_hits, LENGTH_SECONDS), prompts),
            kv_usage_ratio=_ratio(self._now(lambda page: page.kv_usage_ratio), len(self.shown)),
            observed_seconds=OBSERVED_SECONDS,
            ttft=self._share(lambda page: page.ttft, slo.ttft_seconds),
            tpot=self._share(lambda page: page.time_per_output_token, slo.tpot_seconds),
            e2e=self._share(lambda page: page.e2e, slo.e2e_seconds),
            measured=measured,
        )

    def engines(self) -> dict[str, EngineReading]:
        """The middle engine of each variant over the last minute."""
        found: dict[str, list[EngineReading]] = {}
        for one in self.series:
            reading = _reading(one)
            if reading is not None:
                found.setdefault(one.variant, []).append(reading)
        return {variant: _middle(readings) for variant, readings in found.items()}

    def _growth(self, read: Callable[[EngineSample], float], seconds: float) -> float:
        return sum(one.windows[seconds].increase(read) for one in self.series)

    def _now(self, read: Callable[[EngineSample], float]) -> float:
        """A gauge over all pages; those of engines that are gone are stale."""
        return sum(read(one.windows[LENGTH_SECONDS].samples[-1]) for one in self.series if one.replicas)

    def _arrivals(self, seconds: float) -> float:
        """Requests that arrived in a second: those that finished, and what is in flight more than before."""
        change = sum(one.windows[seconds].delta(_in_flight) for one in self.series)
        arrived = self._growth(_finished, seconds) + change
        return max(0.0, arrived) / seconds if isfinite(arrived) else arrived

    def _share(self, histogram: Callable[[EngineSample], HistogramSample], bound: float | None) -> BoundAttainment | None:
        """Requests within a bound; where the bound is no bucket, within the largest below it."""
        sample = next((one.windows[OBSERVED_SECONDS].samples[-1] for one in self.series if one.replicas), None)
        if bound is None or sample is None:
            return None
        bucket = bisect_right(histogram(sample).bounds, bound) - 1
        requests = self._growth(lambda page: histogram(page).count, OBSERVED_SECONDS)
        if bucket < 0 or requests <= 0:
            return None
        within = self._growth(lambda page: histogram(page).cumulative[bucket], OBSERVED_SECONDS)
        return BoundAttainment(requests=requests, within=min(within, requests))


def _is_usable(sample: EngineSample, second: float) -> bool:
    return second - sample.second <= FRESH_SECONDS and isfinite(sample.running + sample.waiting)


def _reading(one: _Series) -> EngineReading | None:
    """How one engine of a page ran over the last minute; ``None`` where it made no token."""
    lately = one.windows[SHORT_SECONDS]
    tokens = lately.increase(lambda page: page.inter_token.count)
    if not one.replicas or tokens <= 0:
        return None
    computed = lately.increase(lambda page: page.prompt_tokens - page.prefix_hits)
    return EngineReading(
        step_seconds=lately.increase(lambda page: page.inter_token.total) / tokens,
        running=lately.mean(_running) / one.replicas,
        kv_usage_ratio=lately.mean(lambda page: page.kv_usage_ratio),
        prompt_tokens_per_second=computed / SHORT_SECONDS / one.replicas,
    )


def _middle(readings: Iterable[EngineReading]) -> EngineReading:
    """Each figure's median."""
    found = list(readings)
    return EngineReading(
        step_seconds=median(one.step_seconds for one in found),
        running=median(one.running for one in found),
        kv_usage_ratio=median(one.kv_usage_ratio for one in found),
        prompt_tokens_per_second=median(one.prompt_tokens_per_second for one in found),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _finished(page: EngineSample) -> float:
    return page.finished


def _running(page: EngineSample) -> float:
    return page.running


def _waiting(page: EngineSample) -> float:
    return page.waiting


def _in_flight(page: EngineSample) -> float:
    return page.running + page.waiting

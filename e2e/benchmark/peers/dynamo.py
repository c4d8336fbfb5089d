"""NVIDIA Dynamo's SLA planner for aggregated workers: a floor from a forecast and a profile, steps of one from latencies.

From PyPI dynamo 1.6.1 dynamo/planner: every 180 s the floor ``ceil(predicted rate / engine rate)``, predicted by a Kalman
filter (one of its predictors; q = 1 and 0.1, r = 10); every 5 s (15 s here) one more worker if the line through its own samples
of mean TTFT or mean ITL over load is above the SLA, one less if both stay below 80 % of it with one worker less. No fit with
a negative slope is used; missing metrics hold the number. The profile is the true one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, ready, signals, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.environment.signals import Signals
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

THROUGHPUT_SECONDS = 180
LOAD_SECONDS = 15
SENSITIVITY = 0.8
SAMPLES = 50
LEVEL_NOISE, TREND_NOISE, MEASUREMENT_NOISE = 1.0, 0.1, 10.0


@dataclass(slots=True)
class Kalman:
    """A Kalman filter of a local linear trend; one step is one interval."""

    level: float | None = None
    trend: float = 0.0
    covariance: tuple[float, float, float] = (MEASUREMENT_NOISE, 0.0, 1.0)

    def predict_after(self, measured: float) -> float:
        """Update the filter with a value, and predict the next one."""
        if self.level is None:
            self.level = measured
            return measured
        a, b, c = self.covariance
        a, b, c = a + 2.0 * b + c + LEVEL_NOISE, b + c, c + TREND_NOISE
        level = self.level + self.trend
        error, total = measured - level, a + MEASUREMENT_NOISE
        self.level, self.trend = level + a / total * error, self.trend + b / total * error
        self.covariance = (a - a * a / total, b - a * b / total, c - b * b / total)
        return max(0.0, self.level + self.trend)


def line(points: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
    """Intercept and slope of the least-squares line; ``None`` for too few points or a slope that is not positive."""
    xs, ys = zip(*points, strict=True) if points else ((), ())
    if len(xs) < 3:
        return None
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((value - x) ** 2 for value in xs)
    if spread <= 0:
        return None
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread
    return (y - slope * x, slope) if slope > 0 else None


class Latency:
    """Samples of a mean latency over the load of a worker, and their regression line."""

    def __init__(self, bound_seconds: float | None) -> None:
        self._bound = bound_seconds
        self._points: deque[tuple[float, float]] = deque(maxlen=SAMPLES)

    def learn(self, load: float, seconds: float | None) -> None:
        """Add a sample; ``None`` adds none."""
        if seconds is not None and isfinite(load + seconds):
            self._points.append((load, seconds))

    def is_late(self, load: float) -> bool:
        """Whether the line predicts a latency above the bound at a load."""
        fit = line(self._points)
        return self._bound is not None and fit is not None and fit[0] + fit[1] * load > self._bound

    def has_slack(self, load: float) -> bool:
        """Whether the line predicts a latency below 80 % of the bound at a load."""
        if self._bound is None:
            return True
        fit = line(self._points)
        return fit is not None and fit[0] + fit[1] * load < SENSITIVITY * self._bound


class Dynamo:
    """The planner with both loops; it plans with the share ``part`` of the profiled rate."""

    name = "dynamo"

    def __init__(self, site: OwnerSettings, part: float = 1.0) -> None:
        self._site = site
        choice = site.home
        rate = min(choice.timing.tpot_capacity(site.slo.tpot_seconds, site.lengths), _max_rate(site))
        self._engine_rate = part * rate
        self._kalman = Kalman()
        self._floor_second, self._floor = -inf, 1
        self._ttft = Latency(site.slo.ttft_seconds if site.slo.ttft_seconds is not None else site.slo.e2e_seconds)
        self._itl = Latency(site.slo.tpot_seconds)

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of workers."""
        variant = self._site.home.name
        seen, workers = signals(observation, variant), ready(observation, variant)
        self._plan(observation.second, seen)
        desired = observation.desired[variant]
        if workers and workers == desired:
            desired += self._step(seen, workers)
        return {variant: self._site.clamp(max(desired, self._floor))}

    def _plan(self, second: float, signals: Signals) -> None:
        """Update the minimum of workers once per interval."""
        if second - self._floor_second < THROUGHPUT_SECONDS:
            return
        rate = signals.rate(lambda sample: sample.ttft.count, THROUGHPUT_SECONDS)
        if rate is not None:
            self._floor_second = second
            self._floor = max(1, ceil(self._kalman.predict_after(rate) / self._engine_rate))

    def _step(self, signals: Signals, workers: int) -> int:
        """The change of the number of workers: 1, 0 or -1."""
        running, queued = signals.gauge(in_flight), signals.gauge(waiting)
        if running is None or queued is None or not isfinite(running + queued):
            return 0
        tokens = signals.rate(lambda sample: sample.prompt_tokens, 60.0)
        if tokens is None:
            return 0
        prefill, decode = (tokens + queued * self._site.lengths.input_tokens) / workers, running / workers
        self._ttft.learn(prefill, signals.ratio(lambda s: s.ttft.total, lambda s: s.ttft.count, 60.0))
        self._itl.learn(decode, signals.ratio(lambda s: s.inter_token.total, lambda s: s.inter_token.count, 60.0))
        if self._ttft.is_late(prefill) or self._itl.is_late(decode):
            return 1
        more = workers / (workers - 1) if workers > 1 else inf
        return -1 if workers > 1 and self._ttft.has_slack(prefill * more) and self._itl.has_slack(decode * more) else 0


def _max_rate(site: OwnerSettings) -> float:
    """The highest rate of an engine, in requests per second."""
    choice = site.home
    memory = choice.timing.memory_capacity(site.lengths, choice.limits)
    return memory if site.lengths.output_tokens else choice.per_second

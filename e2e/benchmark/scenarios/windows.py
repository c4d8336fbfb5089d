"""A part of a workload as a workload, and the hour of a scenario in which its load grows most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from benchmark.environment.environments import arriving_per_second
from benchmark.scenarios.arrivals import CountedTrace, SteppedArrivals, spread_within_seconds
from benchmark.scenarios.servegen_counts import ClientMix
from benchmark.scenarios.trace_windows import steepest_window

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from benchmark.scenarios.scenario import Scenario
    from modelmatrix.simulation.engine.request import Request

WINDOW_SECONDS = 3600
_STEP_SECONDS = 60
# The window is the same for every seed.
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPart:
    """A part of a workload, shifted to second 0."""

    whole: CountedTrace | SteppedArrivals | ClientMix
    start: int
    seconds: int

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""
        return arriving_per_second(self.whole, seed)[self.start : self.start + self.seconds]

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests."""
        return spread_within_seconds(self.per_second(seed), self.whole.tokens, Random(seed))  # noqa: S311 - a simulation


def steepest(scenario: Scenario) -> Scenario:
    """The hour of a fluid scenario in which the load of its first deployment grows most."""
    arriving = arriving_per_second(scenario.deployments[0].arrivals, _SEED)[: scenario.seconds]
    steps = arriving[: len(arriving) // _STEP_SECONDS * _STEP_SECONDS].reshape(-1, _STEP_SECONDS).sum(axis=1)
    start = round(steepest_window(steps.tolist(), _STEP_SECONDS, window_seconds=WINDOW_SECONDS))
    deployments = tuple(
        replace(one, arrivals=WorkloadPart(whole=one.arrivals, start=start, seconds=WINDOW_SECONDS))  # type: ignore[arg-type]
        for one in scenario.deployments
    )
    return replace(scenario, seconds=WINDOW_SECONDS, train_seconds=0, deployments=deployments)

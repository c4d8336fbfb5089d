"""The jobs of the benchmark: runs and bounds, computed by several processes and cached."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from benchmark.autoscalers.autoscalers import recipe_of
from benchmark.bound import scenario_bound
from benchmark.bound.scenario_bound import Bound
from benchmark.cache import cache_key, is_cached, load_or_compute
from benchmark.environment.run import play
from benchmark.results.results import Outcome, parse_outcome
from benchmark.scenarios.catalogue import scenario_of
from benchmark.scenarios.scenario import Mode, Scenario
from benchmark.scenarios.windows import steepest
from benchmark.sources import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Period(StrEnum):
    """The part of a scenario that is run."""

    WHOLE = "whole"
    TRAINING = "training"  # the part for tuning
    STEEPEST = "steepest"  # the steepest hour, as a fluid
    SINGLE = "single"  # the same hour, request by request


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """A recipe in a period of a scenario, with a seed."""

    scenario: str
    recipe: str
    seed: int
    period: Period = Period.WHOLE

    @property
    def name(self) -> str:
        """The cache key of the outcome."""
        recipe = recipe_of(self.recipe)
        sampling = recipe.name, recipe.period_seconds, recipe.scrape_seconds, recipe.sample_scope
        part = scenario_part(self)
        return cache_key(digest(play.__module__, recipe.module, *_arrival_modules(part)), part, sampling, self.seed)

    def compute(self) -> dict[str, Any]:
        """Run the simulation; returns the outcome as a JSON document."""
        return play(scenario_part(self), recipe_of(self.recipe), self.seed).to_document()


@dataclass(frozen=True, slots=True, order=True)
class BoundJob:
    """The lower bound of a period of a scenario, with a seed."""

    scenario: str
    seed: int
    period: Period = Period.WHOLE

    @property
    def name(self) -> str:
        """The cache key of the bound; faults do not change it."""
        part = scenario_part(self)
        return cache_key(
            digest(scenario_bound.__name__, *_arrival_modules(part)), scenario_bound.without_irrelevant_fields(part), self.seed
        )

    def compute(self) -> dict[str, Any]:
        """Compute the bound; returns it as a JSON document."""
        return asdict(scenario_bound.bound_of(scenario_part(self), self.seed))


Job = Run | BoundJob


def scenario_part(job: Job) -> Scenario:
    """The scenario of a job, restricted to its period."""
    whole = scenario_of(job.scenario)
    if job.period is Period.WHOLE:
        return whole
    if job.period is Period.TRAINING:
        return whole.training
    return replace(steepest(whole), mode=Mode.FLUID if job.period is Period.STEEPEST else Mode.REQUEST)


def _arrival_modules(scenario: Scenario) -> list[str]:
    """The modules that generate a scenario's requests."""
    return sorted({type(deployment.arrivals).__module__ for deployment in scenario.deployments})


def outcomes(runs: Iterable[Run], processes: int) -> dict[Run, Outcome]:
    """The outcome of each run."""
    return {run: parse_outcome(document) for run, document in _documents(runs, processes).items()}


def bounds(jobs: Iterable[BoundJob], processes: int) -> dict[BoundJob, Bound]:
    """The bound of each job."""
    return {job: Bound(**document) for job, document in _documents(jobs, processes).items()}


def _documents(jobs: Iterable[Any], processes: int) -> dict[Any, dict[str, Any]]:
    # Keys are computed before the first run, because sources may change meanwhile. The order lets a process reuse the
    # arrivals that it has generated.
    names = {job: job.name for job in sorted(set(jobs), key=lambda job: (job.scenario, job.seed, job))}
    missing = [job for job, name in names.items() if not is_cached(name)]
    report = _progress(len(missing))
    if processes <= 1 or len(missing) <= 1:
        for job in missing:
            _compute(job, names[job])
            report(job)
    else:
        with ProcessPoolExecutor(processes) as pool:
            futures = {pool.submit(_compute, job, names[job]): job for job in missing}
            for future in as_completed(futures):
                future.result()
                report(futures[future])
    return {job: load_or_compute(name, job.compute) for job, name in names.items()}


def _compute(job: Job, name: str) -> None:
    load_or_compute(name, job.compute)


def _progress(total: int) -> Callable[[Job], None]:
    """A function that reports each finished job on a terminal."""
    is_watched = sys.stderr.isatty() or "MODELMATRIX_PROGRESS" in os.environ
    done = 0

    def report(job: Job) -> None:
        nonlocal done
        done += 1
        if is_watched:
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r\x1b[K  {done} of {total}  {job.scenario} {getattr(job, 'recipe', 'bound')}{end}")
            sys.stderr.flush()

    return report

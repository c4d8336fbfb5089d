"""What is to be run, on as many processes as wanted, and remembered."""

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
from benchmark.cache import is_remembered, name_of, remembered
from benchmark.environment.run import play
from benchmark.results.results import Outcome, outcome_of
from benchmark.scenarios.catalogue import scenario_of
from benchmark.scenarios.scenario import Mode, Scenario
from benchmark.scenarios.windows import steepest
from benchmark.sources import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Stretch(StrEnum):
    """What of a scenario is run."""

    WHOLE = "whole"
    TRAINING = "training"  # what is tuned on
    STEEPEST = "steepest"  # an hour, as a fluid
    SINGLE = "single"  # the same hour, request by request


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """A recipe in a stretch of a scenario, with a seed."""

    scenario: str
    recipe: str
    seed: int
    stretch: Stretch = Stretch.WHOLE

    @property
    def name(self) -> str:
        """What the outcome is remembered as."""
        recipe = recipe_of(self.recipe)
        looks = recipe.name, recipe.period_seconds, recipe.scrape_seconds, recipe.sight
        part = part_of(self)
        return name_of(digest(play.__module__, recipe.module, *_arriving(part)), part, looks, self.seed)

    def compute(self) -> dict[str, Any]:
        """Run it."""
        return play(part_of(self), recipe_of(self.recipe), self.seed).to_document()


@dataclass(frozen=True, slots=True, order=True)
class Least:
    """The bound of a stretch of a scenario with a seed."""

    scenario: str
    seed: int
    stretch: Stretch = Stretch.WHOLE

    @property
    def name(self) -> str:
        """What the bound is remembered as; what goes wrong does not change it."""
        part = part_of(self)
        return name_of(digest(scenario_bound.__name__, *_arriving(part)), scenario_bound.relevant(part), self.seed)

    def compute(self) -> dict[str, Any]:
        """Compute it."""
        return asdict(scenario_bound.least_of(part_of(self), self.seed))


Job = Run | Least


def part_of(job: Job) -> Scenario:
    """The scenario that a job is about, cut to its stretch."""
    whole = scenario_of(job.scenario)
    if job.stretch is Stretch.WHOLE:
        return whole
    if job.stretch is Stretch.TRAINING:
        return whole.training
    return replace(steepest(whole), mode=Mode.FLUID if job.stretch is Stretch.STEEPEST else Mode.REQUEST)


def _arriving(scenario: Scenario) -> list[str]:
    """The modules that make a scenario's requests."""
    return sorted({type(deployment.arrivals).__module__ for deployment in scenario.deployments})


def outcomes(runs: Iterable[Run], processes: int) -> dict[Run, Outcome]:
    """What came of runs."""
    return {run: outcome_of(document) for run, document in _documents(runs, processes).items()}


def bounds(leasts: Iterable[Least], processes: int) -> dict[Least, Bound]:
    """The bounds."""
    return {least: Bound(**document) for least, document in _documents(leasts, processes).items()}


def _documents(jobs: Iterable[Any], processes: int) -> dict[Any, dict[str, Any]]:
    # Named before anything runs: sources may change while it does. In an order in which a process finds the arrivals that it
    # made before.
    names = {job: job.name for job in sorted(set(jobs), key=lambda job: (job.scenario, job.seed, job))}
    missing = [job for job, name in names.items() if not is_remembered(name)]
    note = _progress(len(missing))
    if processes <= 1 or len(missing) <= 1:
        for job in missing:
            _compute(job, names[job])
            note(job)
    else:
        with ProcessPoolExecutor(processes) as pool:
            futures = {pool.submit(_compute, job, names[job]): job for job in missing}
            for future in as_completed(futures):
                future.result()
                note(futures[future])
    return {job: remembered(name, job.compute) for job, name in names.items()}


def _compute(job: Job, name: str) -> None:
    remembered(name, job.compute)


def _progress(total: int) -> Callable[[Job], None]:
    """Tell a person how far it is."""
    is_watched = sys.stderr.isatty() or "MODELMATRIX_PROGRESS" in os.environ
    done = 0

    def note(job: Job) -> None:
        nonlocal done
        done += 1
        if is_watched:
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r\x1b[K  {done} of {total}  {job.scenario} {getattr(job, 'recipe', 'bound')}{end}")
            sys.stderr.flush()

    return note

"""What is to be run, on as many processes as wanted, and remembered."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmark.bound.scenario_bound import Bound, least_of
from benchmark.cache import BOUND, DECIDING, PEERS, WORLD, remembered
from benchmark.outcome import Outcome, outcome_of
from benchmark.play import play
from benchmark.recipes import PRODUCT, recipe_of
from benchmark.scenario import Scenario
from benchmark.scenarios import scenario_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """A recipe in a scenario (or the part of it that is tuned on), with a seed."""

    scenario: str
    recipe: str
    seed: int
    is_training: bool = False

    def key(self) -> Any:
        """What the outcome depends on, sources aside."""
        return part_of(self), self.recipe, self.seed

    @property
    def sources(self) -> tuple[Path, ...]:
        """The sources that the outcome depends on."""
        return (*WORLD, *(DECIDING if self.recipe == PRODUCT.default.name else PEERS))

    def compute(self) -> dict[str, Any]:
        """Run it."""
        return play(part_of(self), recipe_of(self.recipe), self.seed).to_document()


@dataclass(frozen=True, slots=True, order=True)
class Least:
    """The bound of a scenario (or the part of it that is tuned on) with a seed."""

    scenario: str
    seed: int
    is_training: bool = False

    def key(self) -> Any:
        """What the bound depends on, sources aside."""
        return "bound", part_of(self), self.seed

    @property
    def sources(self) -> tuple[Path, ...]:
        """The sources that the bound depends on."""
        return (*WORLD, *BOUND)

    def compute(self) -> dict[str, Any]:
        """Compute it."""
        return asdict(least_of(part_of(self), self.seed))


Job = Run | Least


def part_of(job: Job) -> Scenario:
    """The scenario of a job, or the part of it that is tuned on."""
    whole = scenario_of(job.scenario)
    return whole.training if job.is_training else whole


def outcomes(runs: Iterable[Run], processes: int) -> dict[Run, Outcome]:
    """What came of runs."""
    return {run: outcome_of(document) for run, document in _documents(runs, processes).items()}


def bounds(leasts: Iterable[Least], processes: int) -> dict[Least, Bound]:
    """The bounds."""
    return {least: Bound(**document) for least, document in _documents(leasts, processes).items()}


def document_of(job: Job) -> dict[str, Any]:
    """The result of a job, from the cache if it is there."""
    return remembered(job.key(), job.sources, job.compute)


def _documents(jobs: Iterable[Any], processes: int) -> dict[Any, dict[str, Any]]:
    # By scenario and seed, so that a process finds the arrivals that it made before.
    ordered = sorted(set(jobs), key=lambda job: (job.scenario, job.seed, job))
    note = _progress(len(ordered))
    if processes <= 1:
        return {job: note(job, document_of(job)) for job in ordered}
    documents = {}
    with ProcessPoolExecutor(processes) as pool:
        futures = {pool.submit(document_of, job): job for job in ordered}
        for future in as_completed(futures):
            documents[futures[future]] = note(futures[future], future.result())
    return documents


def _progress(total: int) -> Callable[[Job, dict[str, Any]], dict[str, Any]]:
    done = 0

    def note(job: Job, document: dict[str, Any]) -> dict[str, Any]:
        nonlocal done
        done += 1
        if sys.stderr.isatty() or os.environ.get("MODELMATRIX_PROGRESS"):
            sys.stderr.write(f"\r\x1b[K  {done}/{total} {job.scenario} {getattr(job, 'recipe', 'bound')}")
            sys.stderr.flush()
        return document

    return note

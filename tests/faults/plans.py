"""Fault plans as values: a step of the fleet's life, and what goes wrong meanwhile. A seed makes a plan."""

from __future__ import annotations

import random
from dataclasses import dataclass

CODES = (409, 422, 429, 500, 503)
CORRUPTIONS = ("replicas", "template", "annotation")
# What no plan recovers from without a gap yet: a workload that lost the labels of our selector, or its owner.
PENDING_CORRUPTIONS = ("labels", "owner")
# Kinds by how often they are drawn. Those of writes strike the nth write of the step, the others begin at a moment of it.
WRITE_FAULTS = ("kill-before", "kill-after", "lose-answer", "answer", "delay", "hold", "late")
TIMED_FAULTS = ("cut-watches", "hang-watches", "stale-lists", "block-lease", "stop", "away", "corrupt", "kill")
MOST_FAULTS = 3
LAST_WRITE = 8


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``nth`` counts the step's writes from 1, ``at`` and ``seconds`` are tenths of a second.

    ``detail`` is the status code of an answer, or what a corruption changes.
    """

    kind: str
    nth: int = 0
    at: int = 0
    seconds: int = 0
    detail: str = ""

    def __str__(self) -> str:
        parts = [f"#{self.nth}" if self.nth else "", f"at {self.at / 10:g} s" if self.at else ""]
        parts += [f"for {self.seconds / 10:g} s" if self.seconds else "", self.detail]
        return " ".join([self.kind, *filter(None, parts)])


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults of one step, by the step's number in the cycle."""

    step: int
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"step {self.step}: " + (", ".join(map(str, self.faults)) or "no fault")


def plan_of(seed: int, index: int, steps: int) -> FaultPlan:
    """The plan with a number of a run with a seed. Plans follow the cycle of steps, so that one begins where the last ended."""
    chance = random.Random(f"{seed}/{index}")  # noqa: S311 - a choice of faults
    count = chance.choice((1, 1, 2, MOST_FAULTS))
    faults = tuple(sorted({_fault(chance) for _ in range(count)}, key=str))
    return FaultPlan(index % steps, faults)


def _fault(chance: random.Random) -> Fault:
    kind = chance.choice((*WRITE_FAULTS, *TIMED_FAULTS))
    if kind in WRITE_FAULTS:
        detail = str(chance.choice(CODES)) if kind == "answer" else ""
        seconds = {"answer": chance.randint(1, 3), "delay": chance.randint(1, 5), "hold": 10, "late": chance.randint(1, 10)}
        return Fault(kind, nth=chance.randint(1, LAST_WRITE), seconds=seconds.get(kind, 0), detail=detail)
    detail = chance.choice(CORRUPTIONS) if kind == "corrupt" else ""
    lasting = {"hang-watches": (2, 10), "stale-lists": (2, 10), "block-lease": (5, 15), "stop": (3, 30), "away": (2, 10)}
    low, high = lasting.get(kind, (0, 0))
    return Fault(kind, at=chance.randint(0, 8), seconds=chance.randint(low, high), detail=detail)

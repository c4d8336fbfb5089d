"""``make faults``: fault plans on a control plane of their own; ``make edits``: edits of every leaf of a spec.

Variables: PLANS, SEED, FIRST (number of the first plan); EDITS (how many, 0 for all).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time
from dataclasses import dataclass, field

from faults.cluster import control_plane, running
from faults.edits import EditOutcome, try_edit
from faults.leaves import edits, schema_of
from faults.life import ONE, START, STEPS, pool_spec
from faults.observer import MODELS
from faults.plans import FaultPlan, plan_of
from faults.runner import Outcome, Runner

POOL_PATH = "/apis/modelmatrix.io/v1alpha1/acceleratorpools"


@dataclass(slots=True)
class Tally:
    """What a run has seen so far."""

    seed: int
    plans: set[FaultPlan] = field(default_factory=set)
    recoveries: list[float] = field(default_factory=list)
    broken: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, index: int, outcome: Outcome) -> None:
        """Count a plan; print what it has broken."""
        self.plans.add(outcome.plan)
        self.recoveries.append(outcome.recovery_seconds)
        if outcome.violations:
            self.broken += 1
            print(f"BROKEN {outcome.plan}\n  " + "\n  ".join(outcome.violations))  # noqa: T201
            print(f"  again: make faults PLANS=1 SEED={self.seed} FIRST={index}", flush=True)  # noqa: T201

    def text(self) -> str:
        """One line."""
        done, seconds = len(self.recoveries), time.monotonic() - self.started
        late = sorted(self.recoveries)[int(0.99 * (done - 1))]
        rate = f"{seconds / done:.2f} s a plan, recovered in {max(self.recoveries):.1f} s at most, p99 {late:.1f} s"
        return f"{done} plans, {len(self.plans)} distinct, {self.broken} broken; {rate}"


async def run_plans(runner: Runner, seed: int, first: int, count: int) -> Tally:
    """Run plans; after a broken one the fleet begins its cycle again."""
    tally, at = Tally(seed), 0
    for index in range(first, first + count):
        plan = plan_of(seed, index, len(STEPS))
        at = await _advance(runner, at, plan.step)
        outcome = await runner.run(plan)
        tally.add(index, outcome)
        at = plan.step + 1
        if outcome.violations:
            await runner.begin()
            at = 0
        if len(tally.recoveries) % 50 == 0:
            print(tally.text(), flush=True)  # noqa: T201
    return tally


async def _advance(runner: Runner, at: int, step: int) -> int:
    """Take the steps between without faults."""
    while at % len(STEPS) != step:
        await runner.run(FaultPlan(at % len(STEPS), ()))
        at += 1
    return at


async def run_edits(runner: Runner, seed: int, count: int) -> list[EditOutcome]:
    """A sample of the edits of both kinds, in an order of chance; all of them if ``count`` is 0. Prints what is broken."""
    cases = [
        (f"{MODELS}/alpha", dict(START)["alpha"], "modeldeployments"),
        (f"{POOL_PATH}/{ONE}", pool_spec(ONE), "acceleratorpools"),
    ]
    every = [(path, base, edit) for path, base, plural in cases for edit in edits(schema_of(plural), base) if edit.spec != base]
    random.Random(seed).shuffle(every)  # noqa: S311 - an order
    outcomes = []
    for path, base, edit in every[: count or None]:
        outcome = await try_edit(runner, path, base, edit, neighbour="beta")
        outcomes.append(outcome)
        if outcome.violations:
            print(f"BROKEN {path} {edit}\n  " + "\n  ".join(outcome.violations), flush=True)  # noqa: T201
            await runner.begin()
    return outcomes


def told(outcomes: list[EditOutcome]) -> str:
    """One line about edits."""
    refused, broken = sum(item.refused for item in outcomes), sum(bool(item.violations) for item in outcomes)
    longest = max((item.seconds for item in outcomes), default=0.0)
    return f"{len(outcomes)} edits, {refused} refused, {broken} broken, the others taken back in {longest:.1f} s at most"


async def main() -> int:
    """The exit code."""
    count, seed, first = (
        int(os.environ.get(name) or default) for name, default in (("PLANS", 2000), ("SEED", 1), ("FIRST", 0))
    )
    logging.getLogger("modelmatrix").setLevel(logging.CRITICAL)  # every fault would be told, and each is meant
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with control_plane(os.environ.get("CLUSTER") or "faults") as cluster:
        async with running(cluster) as runner:
            if "EDITS" in os.environ:
                outcomes = await run_edits(runner, seed, int(os.environ["EDITS"]))
                print(told(outcomes))  # noqa: T201
                return int(any(item.violations for item in outcomes))
            tally = await run_plans(runner, seed, first, count)
    print(tally.text())  # noqa: T201
    return int(tally.broken > 0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

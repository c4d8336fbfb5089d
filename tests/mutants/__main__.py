"""``make mutants``: a seeded sample of small changes of safety modules, and whether the tests notice them.

Variables: MUTANTS (how many, default 200; 0 for all), SEED, MODULE (beginning of names), MINUTES (default 60).
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import aiohttp  # noqa: F401 - imported once here and not by every child
import hypothesis  # noqa: F401
import kopf  # noqa: F401
import pydantic  # noqa: F401
import pytest  # noqa: F401
import yaml

from mutants.judge import fails, is_killed
from mutants.modules import OPERATOR, safety_modules, stages
from mutants.mutate import Mutant, mutants

SURVIVORS = Path(__file__).with_name("survivors.yaml")
TARGET = 0.95


def main() -> int:
    """The exit code: 1 when fewer than the target are killed, without those that are listed with a reason."""
    chosen = sample(int(os.environ.get("MUTANTS") or 200), os.environ.get("SEED") or "1", os.environ.get("MODULE") or "")
    deadline = time.monotonic() + 60 * float(os.environ.get("MINUTES") or 60)
    listed = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}
    judged, killed = Counter[str](), Counter[str]()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        useless = failing_stages(pool, {mutant.module for mutant in chosen})
        running = {pool.submit(judge, mutant, deadline, useless): mutant for mutant in chosen if mutant.name not in listed}
        for future in as_completed(running):
            mutant, verdict = running[future], future.result()
            if verdict is None:
                continue
            judged[mutant.module] += 1
            killed[mutant.module] += verdict
            if not verdict:
                print(f"survives {mutant.module}:{mutant.line} {mutant.kind}: {mutant.before} -> {mutant.after}", flush=True)  # noqa: T201
    return summary(judged, killed, known=sum(mutant.name in listed for mutant in chosen))


def sample(count: int, seed: str, prefix: str) -> list[Mutant]:
    """Mutants in an order of chance; all of them if ``count`` is 0."""
    every = [
        mutant
        for module in safety_modules()
        if module.startswith(prefix)
        for mutant in mutants(module, (OPERATOR / module).read_text(encoding="utf-8"))
    ]
    random.Random(seed).shuffle(every)  # noqa: S311 - an order
    return every[:count] if count else every


def unchanged(module: str) -> Mutant:
    """A module as it is, which its tests must let live."""
    return Mutant(module, 0, "none", "", "", (OPERATOR / module).read_text(encoding="utf-8"))


def failing_stages(pool: ProcessPoolExecutor, modules: Collection[str]) -> frozenset[tuple[str, ...]]:
    """Stages that fail without any change: they say nothing about a mutant."""
    distinct = {tuple(stage): module for module in sorted(modules) for stage in stages(module)}
    verdicts = {stage: pool.submit(fails, unchanged(module), stage) for stage, module in distinct.items()}
    useless = frozenset(stage for stage, verdict in verdicts.items() if verdict.result())
    for stage in useless:
        print(f"left out, fails without any change: {' '.join(stage)}", flush=True)  # noqa: T201
    return useless


def judge(mutant: Mutant, deadline: float, useless: frozenset[tuple[str, ...]]) -> bool | None:
    """Whether tests notice it; ``None`` when the time is up."""
    return is_killed(mutant, useless) if time.monotonic() < deadline else None


def summary(judged: Counter[str], killed: Counter[str], known: int) -> int:
    """Print what was found by module; the exit code."""
    for module in sorted(judged):
        print(f"{killed[module]:4} of {judged[module]:4} killed  {module}")  # noqa: T201
    total, dead = judged.total(), killed.total()
    share = dead / total if total else 1.0
    print(f"{dead} of {total} killed, {share:.1%}; {known} known survivors, each with its reason in {SURVIVORS.name}")  # noqa: T201
    return int(share < TARGET)


if __name__ == "__main__":
    sys.exit(main())

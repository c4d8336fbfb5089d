"""Explore the plan: ``make explore``. Prints what each search has seen, and fails where an enabled invariant is broken."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor

from exploration.fleets import FLEETS
from exploration.invariants import ENABLED
from exploration.search import Found, Search

DEFAULT_STATES, DEFAULT_BUDGET = 1_000_000, 4


def main() -> int:
    """Share the states among the fleets; the exit code."""
    most = int(os.environ.get("STATES", DEFAULT_STATES)) // len(FLEETS)
    budget, seed = int(os.environ.get("BUDGET", DEFAULT_BUDGET)), int(os.environ.get("SEED", "1"))
    with ProcessPoolExecutor(os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()) as pool:
        results = [pool.submit(explore, index, budget, seed, most) for index in range(len(FLEETS))]
        broken = [report(index, result.result()) for index, result in enumerate(results)]
    return int(any(broken))


def explore(index: int, budget: int, seed: int, most: int) -> Found:
    """One fleet's search, in a process of its own."""
    return Search(FLEETS[index], budget, seed).run(most)


def report(index: int, found: Found) -> bool:
    """Print a search; whether it broke an enabled invariant."""
    extent = "all of its states" if found.exhausted else "its bound"
    print(f"{FLEETS[index].name}: {found.states} states ({extent}), {found.steps} steps, {found.deepest} deep", end=", ")  # noqa: T201
    print(f"recovery in {found.longest_recovery} rounds at most, {found.seconds:.0f} s", flush=True)  # noqa: T201
    for name, (text, trace) in sorted(found.first.items()):
        kind = "BROKEN" if name in ENABLED else "not yet held"
        print(f"  {kind}: {name} ({found.violations[name]} times). First: {text}\n    {' > '.join(trace)}", flush=True)  # noqa: T201
    return bool(ENABLED & found.first.keys())


if __name__ == "__main__":
    sys.exit(main())

"""Measures plans of growing fleets: ``python -m planning_benchmark [DEPLOYMENTS ...]``.

It prints CPU milliseconds, the best of a few runs, and the growth from the previous size relative to n log n. Python's
garbage collector is paused during a plan, because the time of its runs depends on the rest of the process; the cost of one
full collection has its own column.
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from modelmatrix.planning.plan import plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import Snapshot
from planning_benchmark.fleets import fresh, settled, with_one_more

SIZES = (100, 250, 500, 1000, 2000, 4000)
ROUNDS = 5


class Cost(NamedTuple):
    """CPU milliseconds of a plan.

    ``first``: no objects and empty caches; ``create``: no objects; ``steady``: all objects exist and no action is needed;
    ``change``: one deployment more. ``collector``: a full garbage collection.
    """

    deployments: int
    nodes: int
    first: float
    create: float
    steady: float
    change: float
    collector: float


def measure(deployments: int) -> Cost:
    """The costs of one size."""
    snapshot = fresh(deployments)
    cache = PlanCache()
    first = _milliseconds(lambda: plan(snapshot, cache))
    made = plan(snapshot, cache)
    there = settled(snapshot, made)
    again = plan(there, cache)
    assert not again.actions, "a settled fleet has nothing to do"
    one_more = with_one_more(there)
    return Cost(
        deployments=deployments,
        nodes=len(snapshot.nodes),
        first=first,
        create=_best(snapshot, cache),
        steady=_best(there, cache),
        change=_best(one_more, cache),
        collector=_milliseconds(gc.collect),
    )


def _best(snapshot: Snapshot, cache: PlanCache) -> float:
    return min(_milliseconds(lambda: plan(snapshot, cache)) for _ in range(ROUNDS))


def _milliseconds(call: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    started = time.process_time()
    call()
    elapsed = time.process_time() - started
    gc.enable()
    return elapsed * 1000


def report(costs: list[Cost]) -> Iterator[str]:
    """A table as Markdown."""
    heads = ("deployments", "nodes", "first ms", "create ms", "steady ms", "change ms", "collector ms", "steady us each")
    yield f"| {' | '.join(heads)} | growth / n log n |"
    yield "|---" * (len(heads) + 1) + "|"
    before = [None, *costs]
    for last, cost in zip(before, costs, strict=False):
        growth = "" if last is None else f"{_growth(last, cost):.2f}"
        figures = " | ".join(f"{value:.1f}" for value in (cost.first, cost.create, cost.steady, cost.change, cost.collector))
        each = 1000 * cost.steady / cost.deployments
        yield f"| {cost.deployments} | {cost.nodes} | {figures} | {each:.0f} | {growth} |"


def _growth(small: Cost, large: Cost) -> float:
    """The growth of a steady plan relative to n log n."""
    ideal = large.deployments * math.log(large.deployments) / (small.deployments * math.log(small.deployments))
    return large.steady / small.steady / ideal


def main(arguments: list[str]) -> None:
    """Measure and print."""
    sizes = [int(text) for text in arguments] or list(SIZES)
    assert all(small < large for small, large in pairwise(sizes)), "sizes must grow"
    costs = [measure(size) for size in sizes]
    print("\n".join(report(costs)))


if __name__ == "__main__":
    main(sys.argv[1:])

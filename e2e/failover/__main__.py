"""``python -m failover [N]``: stops the leader N times in each of two ways, and suspends it; prints times and late writes."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Sequence

from failover.load import deploy, edits
from failover.stops import CRASH, GRACEFUL, SUSPENDED, Stop, stop_leader
from localcluster.cluster import Cluster
from localcluster.options import Options
from playground import lifecycle
from playground.options import PlaygroundOptions
from playground.testing import ModelNamespace

# Seconds until the next leader's first write, 99 of 100 times; a suspended leader counts as one that crashed.
LIMIT_SECONDS = {CRASH: 12.0, GRACEFUL: 1.5, SUSPENDED: 12.0}
SHARES = {CRASH: 1.0, GRACEFUL: 1.0, SUSPENDED: 0.1}  # a suspension takes 30 s


def main(count: int) -> int:
    """Measure; 1 when a limit is passed or a deposed leader wrote."""
    options = PlaygroundOptions(Options(name="failover", time_scale=1, fast_pods=True), "imbank")
    lifecycle.down(options)
    cluster = lifecycle.up(options)
    try:
        bed = ModelNamespace(cluster, "failover")
        deploy(bed)
        results = {way: asyncio.run(_measure(cluster, bed, way, count)) for way in (GRACEFUL, CRASH, SUSPENDED)}
        return int(not all(results.values()))
    finally:
        lifecycle.down(options)


async def _measure(cluster: Cluster, bed: ModelNamespace, way: str, count: int) -> bool:
    async with edits(cluster, bed.name):
        stops = [await stop_leader(cluster, way) for _ in range(max(1, math.ceil(SHARES[way] * count)))]
    return _report(way, stops)


def _report(way: str, stops: Sequence[Stop]) -> bool:
    seconds = sorted(stop.seconds for stop in stops)
    p99 = seconds[math.ceil(0.99 * len(seconds)) - 1]
    late = [request for stop in stops for request in stop.late]
    times = f"median {seconds[len(seconds) // 2]:.2f} s, p99 {p99:.2f} s of {LIMIT_SECONDS[way]} s, longest {seconds[-1]:.2f} s"
    print(f"{way:10} {len(stops):4} stops: {times}; {len(late)} writes by a deposed leader", flush=True)
    for request in late:
        print(f"  {request.agent} {request.verb} {request.resource} {request.name}: {request.code}")
    return p99 <= LIMIT_SECONDS[way] and not late


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("N", "30"))))

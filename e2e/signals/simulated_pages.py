"""One simulated deployment as both readers see it: vLLM's metrics pages for Prometheus, and samples for the simulator.

Replicas serve a seeded load and are scraped every 15 s. Each scrape gives the page that was recorded from vLLM, with the
replica's numbers in it, and the replica's ``EngineSample``. So the operator's queries to a real Prometheus that has the
pages, and the simulator's computation from the samples, are about the same moments of the same engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from engines.metrics.dialect import dialect_of
from engines.metrics.exposition import Role, parse_page
from engines.metrics.metrics_page import Identity, Page
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.engine.samples import EngineSample
from signals.backfill import BackfilledSeries
from signals.backfilled_replicas import Pod

SECONDS = 900.0
SCRAPE_SECONDS = 15.0
# Scrapes are this much before a multiple of their interval: samples have an age when they are read.
EARLIER_SECONDS = 4.0
POOL = "a"
SLO = SloBounds(ttft_seconds=0.05, tpot_seconds=0.03, e2e_seconds=2.5)
TIMING = EngineTiming(0.016, 4e-5, 4e-7)
LIMITS = EngineLimits(max_num_seqs=64, kv_tokens=60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPod:
    """A pod that serves ``per_second`` requests; its engine starts anew at ``restart_second``, if it does."""

    name: str
    per_second: float
    start_second: float = 0.0
    end_second: float = SECONDS
    restart_second: float = SECONDS


PODS = (
    SimulatedPod(name="a-1", per_second=5.0),
    SimulatedPod(name="a-2", per_second=3.0, restart_second=815.0),
    SimulatedPod(name="a-3", per_second=4.0, start_second=825.0),
    SimulatedPod(name="a-4", per_second=6.0, end_second=790.0),
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one pod showed at one time: its page, and the same as a sample."""

    pod: str
    page: str
    sample: EngineSample


def scrapes() -> tuple[Scrape, ...]:
    """All scrapes of all pods, pod by pod."""
    return tuple(scrape for index, pod in enumerate(PODS) for scrape in _scrapes(pod, Random(index)))  # noqa: S311


def _scrapes(pod: SimulatedPod, random: Random) -> Iterator[Scrape]:
    identity = Identity(served_name="m", kv_tokens=LIMITS.kv_tokens, created_unix_seconds=0.0, bounds={})
    page = Page(dialect_of("vLLM"), identity)
    replica = Replica(TIMING, LIMITS, start_seconds=pod.start_second, buckets=page.buckets)
    arrival = pod.start_second + random.expovariate(pod.per_second)
    second = pod.start_second - pod.start_second % SCRAPE_SECONDS + SCRAPE_SECONDS - EARLIER_SECONDS
    while second <= pod.end_second:
        if second - SCRAPE_SECONDS < pod.restart_second <= second:
            replica = Replica(TIMING, LIMITS, start_seconds=pod.restart_second, buckets=page.buckets)
            arrival = max(arrival, pod.restart_second)
        while arrival < second:
            replica.submit(Request(arrival, random.randint(200, 1500), random.randint(20, 200), 0.25), arrival)
            arrival += random.expovariate(pod.per_second)
        replica.advance(second)
        yield Scrape(pod.name, page.render(replica).decode(), EngineSample.of(replica, second))
        second += SCRAPE_SECONDS


def observation(shown: tuple[Scrape, ...]) -> Observation:
    """The deployment at the end, as the simulator's policies see it."""
    samples: dict[str, list[EngineSample]] = {}
    for scrape in shown:
        samples.setdefault(scrape.pod, []).append(scrape.sample)
    views = (
        ReplicaView(pod.name, POOL, Phase.READY, pod.start_second - 60.0, pod.start_second)
        for pod in PODS
        if pod.end_second >= SECONDS
    )
    return Observation(second=SECONDS, desired={POOL: 3}, replicas=tuple(views), samples=samples)


def backfill(shown: tuple[Scrape, ...], past: BackfilledSeries, namespace: str, deployment: str) -> None:
    """Make the pages a Prometheus's past: the end of the simulation is the past's ``now``."""
    for pod in PODS:
        target = Pod(
            past=past,
            namespace=namespace,
            deployment=deployment,
            name=pod.name,
            pool=POOL,
            first=-SECONDS - EARLIER_SECONDS,
            last=0.0,
        )
        pages = {scrape.sample.second - SECONDS: scrape.page for scrape in shown if scrape.pod == pod.name}
        for (name, labels), values in _series(pages).items():
            target.show(name, values.get, **dict(labels))
        for name, value in (("up", 1.0), ("scrape_samples_scraped", 400.0)):
            target.show(name, dict.fromkeys(pages, value).get)


def _series(pages: dict[float, str]) -> dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]]:
    """Values by second of each of the engine's own series."""
    series: dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]] = {}
    for second, page in pages.items():
        for line in parse_page(page):
            if line.role is not Role.TEXT and line.name.startswith("vllm:"):
                series.setdefault((line.name, line.labels), {})[second] = float(line.value)
    return series

"""One deployment of the past, the replicas that the operator knows of it, and how its signals are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.fleet_queries import QueryRequest, QuerySet, query_set
from modelmatrix.signals.reading import ExpectedTargets, SignalReading, read_signals
from modelmatrix.signals.samples import DeploymentSamples, group_by_deployment
from modelmatrix.signals.scrape_coverage import ReplicaTarget
from modelmatrix.signals.slo_buckets import SloBuckets, counted_bounds
from modelmatrix.signals.traffic import token_count_note
from modelmatrix.signals.vectors import Vector
from signals.backfill import Past
from signals.backfilled_replicas import Pod

NAME = "chat"
LONG_AGO = 3600.0
SLO = ServiceLevelObjective.model_validate({"ttftMilliseconds": 1000, "tpotMilliseconds": 50, "e2eMilliseconds": 5000})


@dataclass(frozen=True, slots=True)
class Painter:
    """Makes the pods of one scenario."""

    past: Past
    namespace: str

    def pod(self, name: str, **fields: object) -> Pod:
        """A pod of the scenario's deployment."""
        return Pod(past=self.past, namespace=self.namespace, deployment=NAME, name=name, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What Prometheus saw, and what the operator knows besides: replicas by pod with the time since they are ready."""

    paint: Callable[[Painter], None]
    replicas: Mapping[str, float | None] = field(default_factory=lambda: {"a": LONG_AGO, "b": LONG_AGO})
    engines: Mapping[str, str] = field(default_factory=dict)
    engine: str = "vLLM"
    draining: int = 0

    def leader(self, pod: str) -> ReplicaTarget:
        """A replica as the operator knows it; its pool is named after its engine."""
        engine = builtin().engines[self.engines.get(pod, self.engine)]
        dialect = builtin().dialects[engine.dialect]
        ready = self.replicas[pod]
        return ReplicaTarget(
            pod=pod,
            uid=pod,
            pool=engine.name,
            engine=engine.name,
            dialect=dialect,
            age_seconds=(ready or 0.0) + 100.0,
            ready_seconds=ready,
        )

    @property
    def bounds(self) -> SloBuckets:
        """The bounds that count."""
        images = {name: builtin().engines[name].images[0].image for name in sorted({self.engine, *self.engines.values()})}
        return counted_bounds(builtin(), tuple(images.items()), SLO)

    @property
    def expected(self) -> ExpectedTargets:
        """What Prometheus should know."""
        leaders = tuple(self.leader(pod) for pod in self.replicas)
        return ExpectedTargets(
            leaders=leaders,
            draining=self.draining,
            dialects={leader.pool: leader.dialect for leader in leaders},
            bounds=self.bounds,
            percentile=SLO.percentile,
            remark=token_count_note({leader.dialect.name: leader.dialect for leader in leaders}),
        )

    def read(self, vectors: Mapping[str, Vector], namespace: str, time_scale: float = 1.0) -> SignalReading:
        """Its signals in a look at the whole fleet."""
        raw = group_by_deployment(vectors).get(NamespacedName(namespace, NAME), DeploymentSamples())
        return read_signals(raw, self.expected, problem="", time_scale=time_scale)


def queries(scenarios: Iterable[Scenario], gateway: str = "", time_scale: float = 1.0) -> QuerySet:
    """What the operator would ask for a fleet of all of them."""
    bounds: dict[str, dict[Signal, set[float]]] = {}
    for scenario in scenarios:
        for dialect, seconds in scenario.bounds.seconds.items():
            for signal, bound in seconds.items():
                bounds.setdefault(dialect, {}).setdefault(signal, set()).add(bound)
    return query_set(QueryRequest(tuple(builtin().dialects.values()), bounds, (SLO.percentile,), gateway), time_scale)

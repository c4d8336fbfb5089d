"""A scenario: backfilled pods of one deployment, the replicas that the operator expects, and the reading of its signals."""

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
from signals.backfill import BackfilledSeries
from signals.backfilled_replicas import Pod

NAME = "chat"
LONG_AGO = 3600.0
SLO = ServiceLevelObjective.model_validate({"ttftMilliseconds": 1000, "tpotMilliseconds": 50, "e2eMilliseconds": 5000})


@dataclass(frozen=True, slots=True)
class PodFactory:
    """Creates the backfilled pods of one scenario."""

    past: BackfilledSeries
    namespace: str

    def pod(self, name: str, **fields: object) -> Pod:
        """A pod of the scenario's deployment."""
        return Pod(past=self.past, namespace=self.namespace, deployment=NAME, name=name, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The pods that Prometheus scraped, and the replicas that the operator knows, with the seconds since they are ready."""

    add_pods: Callable[[PodFactory], None]
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
        """The histogram bounds that count for the SLO."""
        images = {name: builtin().engines[name].images[0].image for name in sorted({self.engine, *self.engines.values()})}
        return counted_bounds(builtin(), tuple(images.items()), SLO)

    @property
    def expected(self) -> ExpectedTargets:
        """The scrape targets that the operator expects."""
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
        """The scenario's signals from the vectors of the whole fleet."""
        raw = group_by_deployment(vectors).get(NamespacedName(namespace, NAME), DeploymentSamples())
        return read_signals(raw, self.expected, problem="", time_scale=time_scale)


def queries(scenarios: Iterable[Scenario], gateway: str = "", time_scale: float = 1.0) -> QuerySet:
    """The query set of the operator for a fleet of all scenarios."""
    bounds: dict[str, dict[Signal, set[float]]] = {}
    for scenario in scenarios:
        for dialect, seconds in scenario.bounds.seconds.items():
            for signal, bound in seconds.items():
                bounds.setdefault(dialect, {}).setdefault(signal, set()).add(bound)
    return query_set(QueryRequest(tuple(builtin().dialects.values()), bounds, (SLO.percentile,), gateway), time_scale)

"""Reads the signals of a simulated deployment with the operator's own reader.

The scraped samples become vectors (``simulation.metrics.prometheus``), and from there everything is the operator's code: the
vectors are sorted by deployment, the replicas that the API server shows are compared with the pods that are scraped, and
``signals.reading`` concludes how good the signals are and what the traffic is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmatrix.catalogue.loader import builtin
from modelmatrix.signals.fleet_queries import QueryRequest
from modelmatrix.signals.reading import ExpectedTargets, SignalReading, read_signals
from modelmatrix.signals.replica_history import RecentPods
from modelmatrix.signals.samples import DeploymentSamples, group_by_deployment
from modelmatrix.signals.scrape_coverage import ReplicaTarget
from modelmatrix.signals.slo_buckets import EngineHistograms, SloBuckets, slo_buckets
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.prometheus import DEPLOYMENT, SimulatedPrometheus
from modelmatrix.simulation.metrics.target_series import HISTOGRAM_FIELDS

if TYPE_CHECKING:
    from modelmatrix.catalogue.metrics import MetricDialect
    from modelmatrix.performance.engine_timing import SloBounds
    from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
    from modelmatrix.simulation.engine.samples import EngineSample

# The engine that simulated replicas are: their counters are vLLM's.
ENGINE = "vLLM"
_NOT_SCRAPED = SloBuckets({}, {})


def replica_targets(observation: Observation) -> tuple[ReplicaTarget, ...]:
    """The replicas that are not draining, as scrape targets."""
    dialect = simulated_dialect()
    return tuple(
        _target(replica, dialect, observation.second) for replica in observation.replicas if replica.phase is not Phase.DRAINING
    )


def simulated_dialect() -> MetricDialect:
    """The dialect of the pages of simulated engines."""
    catalogue = builtin()
    return catalogue.dialects[catalogue.engines[ENGINE].dialect]


def _target(replica: ReplicaView, dialect: MetricDialect, second: float) -> ReplicaTarget:
    is_ready = replica.phase is Phase.READY and replica.ready_seconds is not None
    return ReplicaTarget(
        pod=replica.name,
        uid=replica.name,
        pool=replica.variant,
        engine=ENGINE,
        dialect=dialect,
        age_seconds=second - replica.created_seconds,
        ready_seconds=second - (replica.ready_seconds or 0.0) if is_ready else None,
    )


class SignalReader:
    """Reads one deployment from observation to observation, in order of time."""

    def __init__(self, slo: SloBounds) -> None:
        self._slo = slo
        self._dialect = simulated_dialect()
        self._bounds = _NOT_SCRAPED
        self._prometheus: SimulatedPrometheus | None = None
        self._recent_pods = RecentPods()

    def read(self, observation: Observation, leaders: tuple[ReplicaTarget, ...]) -> SignalReading:
        """What the operator reads at an observation; ``leaders`` are its replicas that are not draining."""
        samples = self._samples(observation)
        expected = ExpectedTargets(
            leaders=leaders,
            draining=sum(replica.phase is Phase.DRAINING for replica in observation.replicas),
            dialects={leader.pool: leader.dialect for leader in leaders},
            bounds=self._bounds,
            percentile=round(self._slo.percentile),
            is_asleep=not leaders and not sum(observation.desired.values()),
        )
        gone = self._recent_pods.update(DEPLOYMENT, leaders, samples.pods, observation.second)
        return read_signals(samples, expected, gone, problem="", time_scale=1.0)

    def _samples(self, observation: Observation) -> DeploymentSamples:
        if self._prometheus is None:
            first = next((scraped[-1] for scraped in observation.samples.values() if scraped), None)
            if first is None:
                return DeploymentSamples()
            self._bounds = slo_buckets((histograms_of(first),), self._slo)
            self._prometheus = SimulatedPrometheus(_request(self._dialect, self._bounds))
        return group_by_deployment(self._prometheus.answer(observation)).get(DEPLOYMENT) or DeploymentSamples()


def histograms_of(sample: EngineSample) -> EngineHistograms:
    """The latency histograms that a sample shows."""
    bounds = tuple((signal, getattr(sample, field).bounds) for signal, field in HISTOGRAM_FIELDS.items())
    return EngineHistograms(ENGINE, simulated_dialect().name, bounds)


def _request(dialect: MetricDialect, bounds: SloBuckets) -> QueryRequest:
    seconds = {name: {signal: (bound,) for signal, bound in by_signal.items()} for name, by_signal in bounds.seconds.items()}
    return QueryRequest((dialect,), seconds)

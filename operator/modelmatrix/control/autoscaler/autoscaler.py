"""The autoscaler: polls Prometheus at a steady pace and turns the answers and the last plan into replica counts.

1. ``run`` polls, beside the control loop: a Prometheus that hangs stops nothing else. What it queries follows from the last
   plan (``follow``): the dialects of the engines in use, the bounds of the SLOs, the percentiles.
2. ``take_poll`` is called by the loop before each plan. It does nothing unless a poll has come in since the last call.
3. For each deployment that is measured, ``update`` compares the samples with the replicas that should give some
   (``expected_targets``), reads them (``signals``), and builds the policy's observation.
4. The policy decides from the observation and its memory. A decision that would remove replicas while the signals are
   unknown is replaced by the present number, whatever the policy says.

The memory is lost with the process. The first good poll brings the past of every deployment, else priors must do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.control.autoscaler.expected_targets import ClockReading, bounds_of, expected_targets, percentile_of
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoll, MetricsPoller
from modelmatrix.control.autoscaler.observation_builder import deployment_facts
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, ScaleDecision
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, History, Observation, Policy
from modelmatrix.scaling.observation.slo_attainment import attainment
from modelmatrix.signals.fleet_queries import GATEWAY, QueryRequest, QuerySet, query_set
from modelmatrix.signals.history import HistoryQuery, history_query
from modelmatrix.signals.observation import DeploymentSignals, build_observation
from modelmatrix.signals.reading import SignalReading, read_signals
from modelmatrix.signals.replica_history import RecentPods, StartupTracker
from modelmatrix.signals.samples import DeploymentSamples, gateway_rates, group_by_deployment

# Reasons for which a number of replicas stays as it is. The condition SignalsFresh reports what is wrong with signals.
_NO_CHANGE = frozenset(
    {
        Reason.STEADY,
        Reason.REPLICA_STARTING,
        Reason.SIGNALS_MISSING,
        Reason.SIGNALS_STALE,
        Reason.PROMETHEUS_UNAVAILABLE,
    }
)
MAX_PERCENTILES = 3  # each costs Prometheus another pass over all buckets


def _ignored(key: NamespacedName, observation: Observation, decision: Decision) -> None:
    """Decisions that are not counted."""


def _not_awaited() -> None:
    """Polls that nothing waits for."""


@dataclass(slots=True)
class Autoscaler:
    """Runs a policy over the fleet. ``decisions``, ``measured`` and ``readings`` are of the last poll.

    ``untaken`` is a poll that has come in since the loop took one.
    ``gateway_query`` is PromQL for requests per second by namespace and deployment; ``matchers`` select this cluster's series
    of engines. ``decided`` is called with every decision, ``polled`` after every poll.
    """

    catalogue: Catalogue
    policy: Policy[Any]
    poller: MetricsPoller
    gateway_query: str = ""
    matchers: str = ""
    decided: Callable[[NamespacedName, Observation, Decision], None] = _ignored
    polled: Callable[[], None] = _not_awaited
    decisions: dict[NamespacedName, ScaleDecision] = field(default_factory=dict)
    measured: dict[NamespacedName, MeasuredSlo] = field(default_factory=dict)
    readings: dict[NamespacedName, SignalReading] = field(default_factory=dict)
    policy_decisions: dict[NamespacedName, Decision] = field(default_factory=dict)
    _starts: StartupTracker = field(default_factory=StartupTracker)
    _recent_pods: RecentPods = field(default_factory=RecentPods)
    _states: dict[NamespacedName, Any] = field(default_factory=dict)
    _deployments: Mapping[NamespacedName, DeploymentPlan] = field(default_factory=dict)
    untaken: MetricsPoll | None = None

    @property
    def time_scale(self) -> float:
        """Model seconds in a real second."""
        return self.poller.clock.scale

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self.poller.pause_seconds)

    async def poll(self) -> None:
        """Poll once for the deployments of the last plan; not at all when none is measured."""
        queries = self.queries(self._deployments)
        if queries.expressions:
            past = None if self.poller.knows_past else self.history_query(self._deployments)
            self.untaken = await self.poller.poll(queries.expressions, past)
            self.polled()

    def follow(self, deployments: Mapping[NamespacedName, DeploymentPlan], catalogue: Catalogue) -> None:
        """Measure and scale the deployments of a new plan from now on."""
        self._deployments, self.catalogue = deployments, catalogue

    def take_poll(self, now_seconds: float) -> None:
        """Decide anew if a poll has come in since the last call. ``now_seconds`` is model time."""
        poll, self.untaken = self.untaken, None
        if poll is not None:
            self.update(poll, self._deployments, now_seconds=now_seconds)

    def queries(self, deployments: Mapping[NamespacedName, DeploymentPlan]) -> QuerySet:
        """The queries for all measured deployments; none when no deployment is measured."""
        measured = [deployment for deployment in deployments.values() if _is_measured(deployment)]
        bounds: dict[str, dict[Signal, set[float]]] = {}
        percentiles: Counter[int] = Counter(percentile_of(deployment) for deployment in measured)
        buckets = (bounds_of(deployment, self.catalogue) for deployment in measured)
        for counted in {id(slo_buckets): slo_buckets for slo_buckets in buckets}.values():
            for dialect, seconds in counted.seconds.items():
                for signal, bound in seconds.items():
                    bounds.setdefault(dialect, {}).setdefault(signal, set()).add(bound)
        often = tuple(percentile for percentile, _ in percentiles.most_common(MAX_PERCENTILES))
        request = QueryRequest(self._dialects(measured), bounds, often, self.gateway_query, self.matchers)
        return query_set(request, self.time_scale)

    def history_query(self, deployments: Mapping[NamespacedName, DeploymentPlan]) -> HistoryQuery:
        """The range query for the past of all scaled deployments."""
        scaled = [deployment for deployment in deployments.values() if _is_scaled(deployment)]
        return history_query(self._dialects(scaled), len(scaled), self.time_scale, self.matchers)

    def update(self, poll: MetricsPoll, deployments: Mapping[NamespacedName, DeploymentPlan], *, now_seconds: float) -> None:
        """Evaluate a poll: new readings, measurements and decisions for every measured deployment."""
        signals = self._read(poll, deployments, now_seconds)
        self._recent_pods.prune(but=signals.keys())
        self._starts.update((leader for own in signals.values() for leader in own.leaders), now_seconds)
        self.readings = {key: own.reading for key, own in signals.items()}
        self.measured = {key: _measurement(reading) for key, reading in self.readings.items()}
        scaled = {key: own for key, own in signals.items() if _is_scaled(deployments[key])}
        self._restore(scaled, poll.histories, now_seconds)
        facts = {key: deployment_facts(deployments[key], self.decisions.get(key), now_seconds) for key in scaled}
        observations = {key: build_observation(facts[key], scaled[key], self._starts, now_seconds) for key in scaled}
        self.policy_decisions = {key: self._decide(key, observation, poll) for key, observation in observations.items()}
        self.decisions = {key: _for_plan(decision, self.decisions.get(key)) for key, decision in self.policy_decisions.items()}

    def _read(
        self, poll: MetricsPoll, deployments: Mapping[NamespacedName, DeploymentPlan], now_seconds: float
    ) -> dict[NamespacedName, DeploymentSignals]:
        """The signals of every measured deployment, compared with the replicas that should report some."""
        now = ClockReading(now_seconds, poll.real_seconds, self.time_scale)
        samples, gateway = group_by_deployment(poll.vectors), gateway_rates(poll.vectors, self.time_scale)
        signals = {}
        for key, deployment in deployments.items():
            if _is_measured(deployment):
                expected = expected_targets(deployment, self.catalogue, now)
                problem = poll.errors.get(GATEWAY, "") if expected.is_asleep else poll.error
                own = samples.get(key) or DeploymentSamples()
                recent_pods = self._recent_pods.update(key, expected.leaders, own.pods, now_seconds)
                reading = read_signals(own, expected, recent_pods, problem=problem, time_scale=self.time_scale)
                signals[key] = DeploymentSignals(leaders=expected.leaders, reading=reading, gateway_per_second=gateway.get(key))
        return signals

    def _dialects(self, deployments: list[DeploymentPlan]) -> tuple[MetricDialect, ...]:
        """Dialects of all pools that deployments may use, and of replicas that are about to go."""
        options = {option.engine for deployment in deployments for option in deployment.fitting}
        observed = {workload.engine for deployment in deployments for workload, _ in deployment.observed}
        known = {self.catalogue.engines[name].dialect for name in options | observed if name in self.catalogue.engines}
        return tuple(self.catalogue.dialects[name] for name in sorted(known))

    def _restore(
        self,
        scaled: Collection[NamespacedName],
        histories: Mapping[NamespacedName, History],
        now_seconds: float,
    ) -> None:
        """Drop the state of deployments that are gone; restore that of new ones from the history in Prometheus."""
        self._states = {key: state for key, state in self._states.items() if key in scaled}
        for key, history in histories.items():
            if key in scaled and key not in self._states:
                self._states[key] = self.policy.restore_state(history, now_seconds)

    def _decide(self, key: NamespacedName, observation: Observation, poll: MetricsPoll) -> Decision:
        state = self._states.get(key)
        initial = self.policy.initial_state(observation.second) if state is None else state
        decision, state = self.policy.decide(observation, initial)
        # No state is stored while Prometheus is away: a state would keep the history from being restored later.
        if key in self._states or not poll.error:
            self._states[key] = state
        decision = _safe(decision, observation)
        self.decided(key, observation, decision)
        return decision


def _safe(decision: Decision, observation: Observation) -> Decision:
    """The decision, or the present number if the decision would remove replicas while the signals are unknown."""
    replicas = observation.bounds.clamp(observation.desired)
    if decision.replicas >= replicas or observation.is_measured:
        return decision
    return replace(decision, replicas=replicas, reason=observation.quality, message=observation.quality_message, by_pool={})


def _for_plan(decision: Decision, before: ScaleDecision | None) -> ScaleDecision:
    """The decision for the plan. While nothing changes it repeats the last change, whose status may not be written yet."""
    if before is not None and decision.reason in _NO_CHANGE and decision.replicas == before.replicas:
        return replace(before, by_pool=decision.by_pool, longest_start_seconds=decision.longest_start_seconds)
    return ScaleDecision(decision.replicas, decision.reason, decision.message, decision.by_pool, decision.longest_start_seconds)


def _is_measured(deployment: DeploymentPlan) -> bool:
    """Deployments with an SLO are measured, and those that are scaled."""
    spec = deployment.spec
    return spec is not None and bool(deployment.fitting) and (spec.slo is not None or spec.scaling is not None)


def _is_scaled(deployment: DeploymentPlan) -> bool:
    spec = deployment.spec
    return spec is not None and spec.scaling is not None and not spec.suspend


def _measurement(reading: SignalReading) -> MeasuredSlo:
    traffic = reading.traffic
    is_good = reading.quality in (Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC)
    return MeasuredSlo(
        reason=reading.quality,
        message=reading.message,
        attainment_percent=attainment(traffic) if traffic and is_good else None,
        ttft_milliseconds=reading.ttft_milliseconds,
        tpot_milliseconds=reading.tpot_milliseconds,
        observed_seconds=int(traffic.observed_seconds) if traffic else 0,
        bound_message=reading.bound_message,
    )

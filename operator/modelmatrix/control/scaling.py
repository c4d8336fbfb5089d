"""From signals and the last plan to decisions: what the policy is told about each deployment, and what it remembers.

Pure but for the memory that it keeps between looks, which a restart may lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.control.measuring import Look
from modelmatrix.performance.timing import SloBounds
from modelmatrix.planning.outlook import Outlook
from modelmatrix.planning.placement import price_per_hour
from modelmatrix.planning.snapshot import Measured, ScaleDecision
from modelmatrix.planning.variants import layout_key, performance_of
from modelmatrix.planning.views import Key
from modelmatrix.planning.wanted import ScheduleError, schedule_floor
from modelmatrix.scaling.observation import Decision, Observation, Policy, Variant
from modelmatrix.scaling.policy import attainment
from modelmatrix.telemetry.queries import QuerySet, query_set
from modelmatrix.telemetry.signals import Expected, Reading, collect, read, usable_bound

SETTLED_SECONDS = 60.0  # model time that a ready replica is given until it must be measured
MILLISECONDS = 1000.0
DEFAULT_PERCENTILE = 95
GOOD = (Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC)


@dataclass(slots=True)
class Scaler:
    """Runs a policy over the fleet. ``decisions`` and ``measured`` are of the last look."""

    catalogue: Catalogue
    policy: Policy[Any]
    time_scale: float
    decisions: dict[Key, ScaleDecision] = field(default_factory=dict)
    measured: dict[Key, Measured] = field(default_factory=dict)
    readings: dict[Key, Reading] = field(default_factory=dict)
    figures: dict[Key, Decision] = field(default_factory=dict)
    _memories: dict[Key, Any] = field(default_factory=dict)

    def queries(self, outlooks: Mapping[Key, Outlook]) -> QuerySet:
        """What to ask for the deployments that are measured; nothing when there are none."""
        asked = [outlook for outlook in outlooks.values() if _is_measured(outlook)]
        if not asked:
            return QuerySet({})
        bounds: dict[str, set[float]] = {}
        percentiles: list[int] = []
        for outlook in asked:
            for signal, (used, _) in self._bounds(outlook).items():
                bounds.setdefault(signal, set()).add(used)
            slo = outlook.member.case.spec.slo if outlook.member.case.spec else None
            percentiles += [slo.percentile] if slo else []
        common = max(set(percentiles), key=percentiles.count) if percentiles else DEFAULT_PERCENTILE
        return query_set(self.catalogue.dialects.values(), bounds, common, time_scale=self.time_scale)

    def update(self, look: Look, outlooks: Mapping[Key, Outlook], *, now_seconds: float) -> None:
        """Take a look into account: new readings, measurements and decisions for every deployment that is measured."""
        raw = collect(look.vectors)
        measured = {key: outlook for key, outlook in outlooks.items() if _is_measured(outlook)}
        self._memories = {key: memory for key, memory in self._memories.items() if key in measured}
        self.readings = {key: self._read(outlook, look, raw) for key, outlook in measured.items()}
        self.measured = {key: _measurement(reading) for key, reading in self.readings.items()}
        decided = {key: outlook for key, outlook in measured.items() if _is_scaled(outlook)}
        self.figures = {key: self._decide(key, outlook, now_seconds) for key, outlook in decided.items()}
        self.decisions = {key: ScaleDecision(d.replicas, d.reason, d.message) for key, d in self.figures.items()}

    def _read(self, outlook: Outlook, look: Look, raw: Mapping[Key, Any]) -> Reading:
        if look.error:
            return Reading(Reason.PROMETHEUS_UNAVAILABLE, look.error)
        spec = outlook.member.case.spec
        expected = Expected(
            _settled(outlook, look.real_seconds, self.time_scale), spec.slo if spec else None, self._bounds(outlook)
        )
        return read(raw.get(outlook.member.key), expected, now_seconds=look.real_seconds, time_scale=self.time_scale)

    def _bounds(self, outlook: Outlook) -> dict[str, tuple[float, float]]:
        """The histogram bound that is read for each bound of the SLO, and the bound itself, in seconds."""
        spec = outlook.member.case.spec
        engines = [self.catalogue.engines.get(option.answer.engine) for option in outlook.member.case.fitting]
        if spec is None or spec.slo is None or not engines or engines[0] is None:
            return {}
        found: dict[str, tuple[float, float]] = {}
        for signal, milliseconds in _asked(spec.slo).items():
            used = usable_bound(milliseconds / MILLISECONDS, self.catalogue.bounds(engines[0], signal))
            if used is not None:
                found[signal] = (used, milliseconds / MILLISECONDS)
        return found

    def _decide(self, key: Key, outlook: Outlook, now_seconds: float) -> Decision:
        observation = self._observe(outlook, self.readings[key], now_seconds)
        memory = self._memories.get(key)
        if memory is None:
            memory = self.policy.recall(now_seconds)
        decision, self._memories[key] = self.policy.decide(observation, memory)
        return decision

    def _observe(self, outlook: Outlook, reading: Reading, now_seconds: float) -> Observation:
        spec = outlook.member.case.spec
        scaling = spec.scaling if spec else None
        slo = spec.slo if spec else None
        return Observation(
            second=now_seconds,
            slo=_slo_bounds(slo),
            min_replicas=scaling.min_replicas if scaling else 0,
            max_replicas=scaling.max_replicas if scaling else 0,
            floor=_floor(outlook, now_seconds),
            desired=outlook.desired,
            variants=tuple(self._variants(outlook)),
            quality=reading.quality,
            quality_message=reading.message,
            traffic=reading.traffic,
        )

    def _variants(self, outlook: Outlook) -> Iterable[Variant]:
        for option in outlook.member.case.fitting:
            layout, pool = option.answer.layout, outlook.pools[option.pool]
            chip = pool.accelerator.id if pool.accelerator else ""
            if layout is None:
                continue
            known = performance_of(self.catalogue, outlook.member.case.model, chip, option.quantization, layout_key(layout))
            placed = next((item for item in outlook.placed if item.option.pool == option.pool), None)
            if known is None:
                continue
            yield Variant(
                pool=option.pool,
                timing=known[0],
                limits=known[1],
                start_seconds=option.answer.start_seconds,
                cost_per_hour=float(price_per_hour(option, pool)),
                devices=option.devices,
                ready=placed.ready if placed else 0,
                starting=max(0, placed.desired - placed.ready) if placed else 0,
                room=outlook.rooms.get(option.pool, 0),
            )


def _is_measured(outlook: Outlook) -> bool:
    """Deployments with an SLO are measured, and those that are scaled."""
    spec = outlook.member.case.spec
    return spec is not None and bool(outlook.member.case.fitting) and (spec.slo is not None or spec.scaling is not None)


def _is_scaled(outlook: Outlook) -> bool:
    spec = outlook.member.case.spec
    return spec is not None and spec.scaling is not None and not spec.suspend


def _settled(outlook: Outlook, real_seconds: float, time_scale: float) -> int:
    leaders = (
        replica.leader
        for item in outlook.placed
        if item.observed
        for replica in item.observed.replicas
        if replica.ready and replica.leader is not None
    )
    return sum(1 for leader in leaders if (real_seconds - leader.ready_seconds) * time_scale >= SETTLED_SECONDS)


def _asked(slo: ServiceLevelObjective) -> dict[str, int]:
    asked = {"ttft": slo.ttft_milliseconds, "tpot": slo.tpot_milliseconds, "e2e": slo.e2e_milliseconds}
    return {signal: bound for signal, bound in asked.items() if bound is not None}


def _slo_bounds(slo: ServiceLevelObjective | None) -> SloBounds:
    if slo is None:
        return SloBounds()
    seconds = {f"{signal}_seconds": bound / MILLISECONDS for signal, bound in _asked(slo).items()}
    return SloBounds(**seconds, percentile=slo.percentile)


def _floor(outlook: Outlook, now_seconds: float) -> int:
    spec = outlook.member.case.spec
    if spec is None or spec.scaling is None:
        return 0
    try:
        return schedule_floor(spec.scaling.schedule, now_seconds=now_seconds, lead_seconds=0).replicas
    except ScheduleError:
        return 0  # the plan says so in the status


def _measurement(reading: Reading) -> Measured:
    traffic = reading.traffic
    return Measured(
        reason=reading.quality,
        message=reading.message,
        attainment_percent=attainment(traffic) if traffic else None,
        ttft_milliseconds=reading.ttft_milliseconds,
        tpot_milliseconds=reading.tpot_milliseconds,
        observed_seconds=int(traffic.observed_seconds) if traffic else 0,
        bound_message=reading.bound_message,
    )

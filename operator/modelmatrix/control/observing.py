"""What a policy is told about one deployment, from the last plan and the reading of its signals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.control.expecting import percentile_of
from modelmatrix.control.starts import Moment, Starts, starting_ages
from modelmatrix.performance.timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.planning.assessment import Option
from modelmatrix.planning.outlook import Outlook, PlacedOn
from modelmatrix.planning.placement import price_per_hour
from modelmatrix.planning.variants import layout_key, performance_of
from modelmatrix.planning.wanted import ScheduleError, floor_windows, schedule_floor
from modelmatrix.scaling.observation import EngineReading, FloorWindow, Observation, Variant
from modelmatrix.telemetry.presence import SETTLED_SECONDS
from modelmatrix.telemetry.reading import Reading
from modelmatrix.telemetry.slo_bounds import MILLISECONDS, asked_bounds

# Longer than any replica takes to start: windows that begin within it are told.
HORIZON_SECONDS = 7200.0


def observe(
    outlook: Outlook, reading: Reading, catalogue: Catalogue, starts: Starts, now: Moment, gateway_per_second: float | None
) -> Observation:
    """The observation of a deployment that is scaled."""
    spec = outlook.member.case.spec
    scaling = spec.scaling if spec else None
    if spec is None or scaling is None:
        raise ValueError(f"{outlook.member.key} is not scaled")
    floor, windows = _floors(outlook, now.second)
    bounds = {f"{signal}_seconds": bound / MILLISECONDS for signal, bound in asked_bounds(spec.slo).items()}
    return Observation(
        second=now.second,
        slo=SloBounds(**bounds, percentile=percentile_of(outlook)),
        min_replicas=scaling.min_replicas,
        max_replicas=scaling.max_replicas,
        floor=floor,
        desired=outlook.desired,
        variants=tuple(_variants(outlook, catalogue, starts, now, reading.engines)),
        quality=reading.quality,
        quality_message=reading.message,
        traffic=reading.traffic,
        windows=windows,
        placement=spec.placement,
        gateway_per_second=gateway_per_second,
    )


def _floors(outlook: Outlook, second: float) -> tuple[int, tuple[FloorWindow, ...]]:
    spec = outlook.member.case.spec
    schedule = spec.scaling.schedule if spec and spec.scaling else ()
    if not schedule:
        return 0, ()
    try:
        windows = floor_windows(schedule, now_seconds=second, horizon_seconds=HORIZON_SECONDS)
        return schedule_floor(schedule, now_seconds=second, lead_seconds=0).replicas, windows
    except ScheduleError:
        return 0, ()  # the plan says so in the status


def _variants(
    outlook: Outlook, catalogue: Catalogue, starts: Starts, now: Moment, engines: Mapping[str, EngineReading]
) -> Iterator[Variant]:
    placed = {item.option.pool: item for item in outlook.placed}
    for option in outlook.member.case.fitting:
        known = _performance(outlook, option, catalogue)
        if known is None:
            continue
        item, pool = placed.get(option.pool), outlook.pools[option.pool]
        timing, limits = known
        ready, starting = (item.ready, max(0, item.desired - item.ready)) if item else (0, 0)
        yield Variant(
            pool=option.pool,
            timing=timing,
            limits=limits,
            start_seconds=option.answer.start_seconds,
            cost_per_hour=float(price_per_hour(option, pool)),
            devices=option.devices,
            ready=ready,
            starting=starting,
            room=outlook.rooms.get(option.pool, 0),
            starting_ages_seconds=starting_ages(item, starting, now),
            starts_seen=starts.of(item),
            settled=_settled(item, now),
            site=(pool.spec.site if pool.spec else None) or "",
            engine=engines.get(option.pool),
        )


def _performance(outlook: Outlook, option: Option, catalogue: Catalogue) -> tuple[EngineTiming, EngineLimits] | None:
    layout, chip = option.answer.layout, outlook.pools[option.pool].accelerator
    if layout is None or chip is None:
        return None
    return performance_of(catalogue, outlook.member.case.model, chip.id, option.quantization, layout_key(layout))


def _settled(item: PlacedOn | None, now: Moment) -> int:
    replicas = item.observed.replicas if item and item.observed else ()
    leaders = (replica.leader for replica in replicas if replica.ready)
    return sum(leader is not None and now.age(leader.ready_seconds) >= SETTLED_SECONDS for leader in leaders)

"""The fewest replicas that a schedule asks for now: those of a window are to be ready when it begins. Pure."""

from __future__ import annotations

from modelmatrix.scaling.decide.context import LAG_SECONDS, PolicyContext
from modelmatrix.scaling.observation.observation import ScheduleFloorWindow


def schedule_floor(now: PolicyContext) -> int:
    """The highest floor of the windows that are open or must be prepared for."""
    seen = now.observation
    if not seen.windows:
        return seen.floor
    pool = now.fleet.preferred.variant
    lead = now.memory.pools[pool.pool].starts.longest_seconds(pool.start_seconds) + LAG_SECONDS
    floors = (window.replicas for window in seen.windows if _is_open(window, seen.second, lead))
    return max(seen.floor, *floors, 0)


def _is_open(window: ScheduleFloorWindow, second: float, lead_seconds: float) -> bool:
    lead = lead_seconds if window.lead_seconds is None else window.lead_seconds
    return window.start_second - lead <= second < window.end_second

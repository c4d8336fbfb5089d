"""Cron expressions by the clock on the wall, which never goes back here: an hour that comes twice counts once. Pure.

Times are kept without their zone. While an hour is repeated it stays a minute before its end, so that nothing of it happens
again; what falls into an hour that is skipped happens at its end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_MINUTE = timedelta(minutes=1)
_MINUTE_SECONDS = 60


class ScheduleError(ValueError):
    """A schedule window cannot be read; the text names the window and says what is wrong."""


def previous_fire_time(expression: str, time_zone: str, second: float, window: str) -> datetime:
    """The last time on the wall, at or before a second since the epoch, that the expression names.

    Raises:
        ScheduleError: the time zone or the expression cannot be read.
    """
    return _last(expression, time_zone, int(second // _MINUTE_SECONDS), window)


@lru_cache(maxsize=8192)
def next_fire_time(expression: str, after: datetime) -> datetime:
    """The first time on the wall after another that the expression names; it has been read before."""
    return next(CronSim(expression, after))


@lru_cache(maxsize=8192)
def to_epoch(wall: datetime, time_zone: str) -> float:
    """When a time on the wall is, in seconds since the epoch: the first time that it is, or the end of what is skipped."""
    zone = ZoneInfo(time_zone)
    while _offset(wall, zone, fold=0) < _offset(wall, zone, fold=1):
        wall += _MINUTE
    return wall.replace(tzinfo=zone).timestamp()


@lru_cache(maxsize=8192)
def _last(expression: str, time_zone: str, minute: int, window: str) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"schedule window '{window}': time zone '{time_zone}' is unknown; use one like Asia/Shanghai"
        ) from None
    try:
        # The reverse iterator excludes its own starting point, so it starts one minute later.
        return next(CronSim(expression, _wall(minute * _MINUTE_SECONDS, zone) + _MINUTE, reverse=True))
    except (CronSimError, StopIteration):
        raise ScheduleError(
            f"schedule window '{window}': '{expression}' is no cron expression; use five fields like '30 8 * * 1-5'"
        ) from None


def _wall(second: float, zone: ZoneInfo) -> datetime:
    there = datetime.fromtimestamp(second, zone)
    wall = there.replace(tzinfo=None, fold=0)
    if not there.fold:
        return wall
    while _offset(wall, zone, fold=0) > _offset(wall, zone, fold=1):
        wall += _MINUTE
    return wall - _MINUTE


def _offset(wall: datetime, zone: ZoneInfo, *, fold: int) -> timedelta:
    """From UTC to the wall; the two folds differ where a time comes twice, and where it is skipped."""
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()

"""Fire times of cron expressions in a time zone, without surprises on the days on which clocks change. Pure.

Times are local and naive, and never go back: while the hour that clocks repeat passes for the second time, the local time stays
one minute before its end, so that nothing fires twice. A fire time in the hour that clocks skip fires at the end of that hour.
Results depend on the expression, the time zone and the minute alone, so the whole process shares one bounded cache: evaluating
an expression takes about 70 microseconds, and every plan reads the same windows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_MINUTE = timedelta(minutes=1)
_MINUTE_SECONDS = 60


class ScheduleError(ValueError):
    """A schedule window cannot be read; the message names the window and a valid value."""


def previous_fire_time(expression: str, time_zone: str, second: float, window: str) -> datetime:
    """The last local time at or before a second since the epoch at which the expression fires.

    Raises:
        ScheduleError: the time zone or the expression cannot be read.
    """
    return _last_fire_time(expression, time_zone, int(second // _MINUTE_SECONDS), window)


@lru_cache(maxsize=8192)
def next_fire_time(expression: str, after: datetime) -> datetime:
    """The first local time after another at which the expression fires; ``previous_fire_time`` has validated it."""
    return next(CronSim(expression, after))


@lru_cache(maxsize=8192)
def to_epoch(local: datetime, time_zone: str) -> float:
    """Seconds since the epoch of a local time: of its first occurrence, or of the end of the hour that skips it."""
    zone = ZoneInfo(time_zone)
    while _offset(local, zone, fold=0) < _offset(local, zone, fold=1):
        local += _MINUTE
    return local.replace(tzinfo=zone).timestamp()


@lru_cache(maxsize=8192)
def _last_fire_time(expression: str, time_zone: str, minute: int, window: str) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"schedule window '{window}': time zone '{time_zone}' is unknown; use one like Asia/Shanghai"
        ) from None
    try:
        # The reverse iterator excludes its own starting point, so it starts one minute later.
        return next(CronSim(expression, _local_time(minute * _MINUTE_SECONDS, zone) + _MINUTE, reverse=True))
    except (CronSimError, StopIteration):
        raise ScheduleError(
            f"schedule window '{window}': '{expression}' is not a cron expression; use five fields like '30 8 * * 1-5'"
        ) from None


def _local_time(second: float, zone: ZoneInfo) -> datetime:
    aware = datetime.fromtimestamp(second, zone)
    local = aware.replace(tzinfo=None, fold=0)
    if not aware.fold:
        return local
    while _offset(local, zone, fold=0) > _offset(local, zone, fold=1):
        local += _MINUTE
    return local - _MINUTE


def _offset(local: datetime, zone: ZoneInfo, *, fold: int) -> timedelta:
    """Local time minus UTC; the two folds differ for a local time that occurs twice, and for one that is skipped."""
    return local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()

"""Model time: real time since one origin, multiplied. The only module that asks what time it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

FASTEST = 15.0


@dataclass(frozen=True, slots=True)
class ModelClock:
    """A clock that runs ``scale`` times faster than real time and starts at 0."""

    scale: float
    _origin: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Refuse scales that scrape intervals cannot follow.

        Raises:
            ValueError: the scale is not between 1 and 15.
        """
        if not 1.0 <= self.scale <= FASTEST:
            raise ValueError(f"TIME_SCALE is {self.scale:g}; use a number from 1 to {FASTEST:g}")

    def seconds(self) -> float:
        """Model seconds since the origin."""
        return (time.monotonic() - self._origin) * self.scale

    @staticmethod
    def unix_seconds() -> float:
        """Real time of the calendar, for what Prometheus compares with its own clock."""
        return time.time()

"""Model time: the real time since an origin, multiplied. The only module that reads a clock."""

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
        """Validate the scale: scrape intervals cannot follow a higher one.

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
        """Real Unix time, for values that Prometheus compares with its own clock."""
        return time.time()

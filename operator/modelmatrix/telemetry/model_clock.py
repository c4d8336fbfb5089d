"""Model time: real time, or for demonstrations and tests a faster time that all processes of a cluster share."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelClock:
    """Model time is ``start_seconds`` at the real time ``origin_seconds`` and runs ``scale`` times as fast from there.

    All three are in seconds, the first two since the epoch. Without an origin model time is real time.
    """

    scale: float = 1.0
    origin_seconds: float = 0.0
    start_seconds: float = 0.0

    def now(self) -> float:
        """Model time in seconds since the epoch."""
        real = time.time()
        if not self.origin_seconds:
            return real
        return (self.start_seconds or self.origin_seconds) + (real - self.origin_seconds) * self.scale

    def real_seconds(self, model_seconds: float) -> float:
        """The real seconds that a duration in model seconds takes."""
        return model_seconds / self.scale

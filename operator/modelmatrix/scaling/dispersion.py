"""How bursty arrivals are: variance over mean of their number in seconds, from differences of successive looks. Pure.

Differences (von Neumann 1941) are not fooled by a slow trend, which a plain variance would take for bursts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

# Two looks so far apart share no scrape, whatever the pace of the scrapes.
APART_SECONDS = 30.0
# The shortest stretch that two scrapes span; a longer one makes the estimate too low, never too high.
SPAN_SECONDS = 15.0
MEMORY_SECONDS = 1800.0
POISSON = 1.0


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Discounted sums of squared differences and of rates, and the look before."""

    squares: float = POISSON
    rates: float = 1.0
    second: float | None = None
    rate: float = 0.0

    @property
    def index(self) -> float:
        """Variance over mean of arrival counts; that of Poisson arrivals is 1, and less is not believed."""
        return max(POISSON, self.squares / self.rates)

    def learned(self, second: float, rate_per_second: float) -> Dispersion:
        """The dispersion after one more look at the rate of the last scrapes."""
        if self.second is None:
            return Dispersion(self.squares, self.rates, second, rate_per_second)
        elapsed = second - self.second
        if elapsed < APART_SECONDS:
            return self
        keep = exp(-elapsed / MEMORY_SECONDS)
        difference = rate_per_second - self.rate
        return Dispersion(
            keep * self.squares + SPAN_SECONDS * difference * difference / 2.0,
            keep * self.rates + (rate_per_second + self.rate) / 2.0,
            second,
            rate_per_second,
        )

"""How bursty arrivals are: variance over mean of their number in seconds, from differences of successive looks. Pure.

Differences (von Neumann 1941) are not fooled by a slow trend, which a plain variance would take for bursts.
"""

from __future__ import annotations

from dataclasses import dataclass

# Two looks so far apart share no scrape, whatever the pace of the scrapes.
APART_SECONDS = 30.0
# The shortest stretch that two scrapes span; a longer one makes the estimate too low, never too high.
SPAN_SECONDS = 15.0
# What is remembered: half an hour of looks.
LOOKS = 60.0
POISSON = 1.0
# The prior counts as five minutes of looks: a single difference says little.
PRIOR_LOOKS = 10.0
# One in six hundred differences of steady arrivals is larger (chi square with one degree of freedom): a step, no burst.
LARGEST = 10.0


@dataclass(frozen=True, slots=True)
class ArrivalDispersion:
    """Mean of the squared differences over the rates, how many looks it is of, and the look before."""

    mean: float = POISSON
    looks: float = PRIOR_LOOKS
    second: float | None = None
    rate: float = 0.0

    @property
    def index(self) -> float:
        """Variance over mean of arrival counts; that of Poisson arrivals is 1, and less is not believed."""
        return max(POISSON, self.mean)

    def learned(self, second: float, rate_per_second: float) -> ArrivalDispersion:
        """The dispersion after one more look at the rate of the last scrapes."""
        if self.second is None:
            return ArrivalDispersion(self.mean, self.looks, second, rate_per_second)
        if second - self.second < APART_SECONDS:
            return self
        both = self.rate + rate_per_second
        if both <= 0:
            return ArrivalDispersion(self.mean, self.looks, second, rate_per_second)
        seen = SPAN_SECONDS * (rate_per_second - self.rate) ** 2 / both
        looks = min(self.looks + 1.0, LOOKS)
        mean = self.mean + (min(seen, LARGEST * self.index) - self.mean) / looks
        return ArrivalDispersion(mean, looks, second, rate_per_second)

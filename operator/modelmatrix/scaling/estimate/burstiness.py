"""How bursty arrivals are: the index of dispersion of arrival counts.

The index is variance over mean of the number of arrivals in a stretch of time; Poisson arrivals have 1, bursts more. The
safety margin needs it, because the edge of a replica's capacity is blurred by the arrivals that it averages over.

For two rates ``a`` and ``b`` over stretches of ``s`` seconds that do not overlap, ``s (a - b)^2 / (a + b)`` has the index as
its mean: the variance of the difference is twice that of one count, and ``s (a + b)`` is twice its mean. The estimate is the
running mean of this over half an hour. Successive differences (von Neumann, "Distribution of the ratio of the mean square
successive difference to the variance", 1941) do not take a slow trend for bursts, as a plain variance would. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

# Two samples this far apart share no scrape, whatever the scrape interval.
APART_SECONDS = 30.0
# The shortest stretch that two scrapes span; a longer one makes the estimate too low, never too high.
SPAN_SECONDS = 15.0
# The memory: half an hour of samples.
MAX_SAMPLES = 60.0
POISSON = 1.0
# The prior counts as five minutes of samples: a single difference is mostly noise.
PRIOR_SAMPLES = 10.0
# One in six hundred differences of steady arrivals is larger (chi square, one degree of freedom): a step, not a burst.
MAX_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class ArrivalDispersion:
    """Running mean of the squared differences over the rates, the samples behind it, and the last sample."""

    mean: float = POISSON
    samples: float = PRIOR_SAMPLES
    second: float | None = None
    rate: float = 0.0

    @property
    def index(self) -> float:
        """Variance over mean of arrival counts, at least that of Poisson arrivals."""
        return max(POISSON, self.mean)

    def updated(self, second: float, rate_per_second: float) -> ArrivalDispersion:
        """The dispersion after one more rate over the last two scrapes."""
        if self.second is None:
            return ArrivalDispersion(self.mean, self.samples, second, rate_per_second)
        if second - self.second < APART_SECONDS:
            return self
        both = self.rate + rate_per_second
        if both <= 0:
            return ArrivalDispersion(self.mean, self.samples, second, rate_per_second)
        sample = SPAN_SECONDS * (rate_per_second - self.rate) ** 2 / both
        samples = min(self.samples + 1.0, MAX_SAMPLES)
        mean = self.mean + (min(sample, MAX_RATIO * self.index) - self.mean) / samples
        return ArrivalDispersion(mean, samples, second, rate_per_second)

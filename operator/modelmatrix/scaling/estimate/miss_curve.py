"""How sharp the edge of the SLO is: learned from the load of the fleet and the share of requests that missed.

Misses are normal in the load (``capacity``): ``share = P(N > (1 - load) / deviation)``. Learned is one factor on the
deviation that the closed form gives, by an extended Kalman filter on its logarithm. Pure arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from modelmatrix.scaling.estimate.normal import density, upper_tail

# Twice or half of what the closed form says: both are seen with real lengths.
PRIOR_VARIANCE = 0.7**2
# Forgets within about a day of samples, one in two minutes.
DRIFT = PRIOR_VARIANCE / 720.0
LARGEST_FACTOR = 4.0
LARGEST_STEP = 0.5
# So many deviations away from the edge nobody misses.
SURE = 10.0
# Near the edge the share is a half whatever the deviation; far below it, misses have another cause than load.
LOWEST_LOAD, HIGHEST_LOAD = 0.5, 0.97
# Requests of one burst miss together: a window counts as a tenth of its requests.
INDEPENDENT = 0.1
# The normal form is an approximation.
MODEL_ERROR = 0.3


@dataclass(frozen=True, slots=True)
class MissCurve:
    """Logarithm of the factor on the deviation, and its variance."""

    logarithm: float = 0.0
    variance: float = PRIOR_VARIANCE

    @property
    def factor(self) -> float:
        """By what the deviation of the closed form is to be multiplied."""
        return exp(self.logarithm)

    def updated(self, load: float, missed: float, requests: float, deviation: float) -> MissCurve:
        """The tail after a window of steady load.

        Args:
            load: share of the capacity that was used.
            missed: share of the requests that missed the SLO.
            requests: number of requests in the window.
            deviation: relative deviation of the edge by the closed form.
        """
        if not LOWEST_LOAD <= load <= HIGHEST_LOAD or requests < 1.0 or deviation <= 0:
            return self
        slack = min((1.0 - load) / (deviation * self.factor), SURE)
        expected = upper_tail(slack)
        slope = density(slack) * slack
        noise = max(expected, missed) / (INDEPENDENT * requests) + (MODEL_ERROR * max(expected, missed)) ** 2 + 1e-8
        gain = self.variance * slope / (slope * slope * self.variance + noise)
        step = min(max(gain * (missed - expected), -LARGEST_STEP), LARGEST_STEP)
        limit = log(LARGEST_FACTOR)
        variance = min(PRIOR_VARIANCE, (1.0 - gain * slope) * self.variance + DRIFT)
        return MissCurve(min(max(self.logarithm + step, -limit), limit), variance)

"""How sharp the edge of the SLO is: the share of requests that misses, as a function of the load.

``replica_capacity`` gives the load at which half of the requests miss and, in closed form, the relative deviation ``d`` of
that edge. The share that misses at load ``u`` (1 at the edge) is taken as normal: ``share = P(N > (1 - u) / (d * factor))``.
Real lengths and routing make the edge sharper or duller than the closed form, so ``factor`` is learned from every window of
steady load, by an extended Kalman filter on its logarithm (one state, the observation is the missed share, its derivative
``density(slack) * slack``). Noise is that of correlated requests, which miss together in a burst, plus a model error.
Reference: Welch and Bishop, "An Introduction to the Kalman Filter", section 2. Pure arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from modelmatrix.scaling.estimate.statistics import density, upper_tail

# Twice or half of the closed form: both occur with real lengths.
PRIOR_VARIANCE = 0.7**2
# Forgets within about a day of samples, one in two minutes.
DRIFT = PRIOR_VARIANCE / 720.0
MAX_FACTOR = 4.0
MAX_STEP = 0.5
# This many deviations away from the edge no request misses.
MAX_SLACK = 10.0
# Near the edge the share is a half whatever the deviation; far below it, misses have another cause than load.
MIN_LOAD, MAX_LOAD = 0.5, 0.97
# Requests of one burst miss together: a window counts as a tenth of its requests.
INDEPENDENT_SHARE = 0.1
# The normal form is an approximation.
MODEL_ERROR = 0.3


@dataclass(frozen=True, slots=True)
class MissCurve:
    """Logarithm of the factor on the deviation, and its variance."""

    logarithm: float = 0.0
    variance: float = PRIOR_VARIANCE

    @property
    def factor(self) -> float:
        """The number to multiply the closed form's deviation by."""
        return exp(self.logarithm)

    def updated(self, load: float, missed: float, requests: float, deviation: float) -> MissCurve:
        """The curve after a window of steady load.

        Args:
            load: share of the capacity that was used, 1 at the edge.
            missed: share of the requests that missed the SLO.
            requests: number of requests in the window.
            deviation: relative deviation of the edge by the closed form.
        """
        if not MIN_LOAD <= load <= MAX_LOAD or requests < 1.0 or deviation <= 0:
            return self
        slack = min((1.0 - load) / (deviation * self.factor), MAX_SLACK)
        expected = upper_tail(slack)
        slope = density(slack) * slack
        noise = max(expected, missed) / (INDEPENDENT_SHARE * requests) + (MODEL_ERROR * max(expected, missed)) ** 2 + 1e-8
        gain = self.variance * slope / (slope * slope * self.variance + noise)
        step = min(max(gain * (missed - expected), -MAX_STEP), MAX_STEP)
        limit = log(MAX_FACTOR)
        variance = min(PRIOR_VARIANCE, (1.0 - gain * slope) * self.variance + DRIFT)
        return MissCurve(min(max(self.logarithm + step, -limit), limit), variance)

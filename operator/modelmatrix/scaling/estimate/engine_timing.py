"""Learns the step time of an engine from what engines report: recursive least squares around the prior timing.

The model is that of ``performance.engine_timing``: a step takes ``alpha + beta * prompt tokens + gamma * KV tokens`` seconds.
The estimate is three factors on the prior's parameters, which are all of order one. Every sample is divided by the measured
step, so errors are relative. With the row ``x``, the covariance ``P`` and the noise ``s``:

    factors += P x * error / (x' P x + s^2),    P -= P x (P x)' / (x' P x + s^2)

A sample outside the gate ``error^2 > 7.4 (x' P x + s^2)`` is an outlier; after ten minutes of outliers the covariance returns
to the prior's, because the engine has changed. ``P`` drifts towards the prior's, so that old samples count less.
Reference: Ljung, "System Identification", section 11.2. Pure arithmetic; it must not know where samples come from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelmatrix.performance.engine_timing import EngineTiming

# A roofline prior is within a factor of two of most measured engines: two standard deviations.
PRIOR_DEVIATION = 0.5
# The relative error of the three-parameter form on measured engines (e2e/accuracy/validation.py).
NOISE = 0.07
# Once in 150 samples a correct model is rejected (chi square with one degree of freedom at 99.35 %).
GATE = 7.4
# Ten minutes of samples that do not fit are not outliers: the engine has changed.
REJECTED_SECONDS = 600.0
# A sample counts half after four hours at one in 15 s: slow enough to remember the load of the morning.
FORGETTING = 0.0007
# Beyond this factor the samples do not show the engine that the prior is about.
MAX_FACTOR = 3.0

Vector = tuple[float, float, float]
_PRIOR_VARIANCE = PRIOR_DEVIATION**2
# Upper triangle of the covariance matrix, row by row.
Covariance = tuple[float, float, float, float, float, float]
_PRIOR_COVARIANCE: Covariance = (_PRIOR_VARIANCE, 0.0, 0.0, _PRIOR_VARIANCE, 0.0, _PRIOR_VARIANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSample:
    """One engine over a minute: its mean step, prompt tokens computed per second, and the KV tokens in its cache."""

    step_seconds: float
    prompt_tokens_per_second: float
    kv_tokens: float


@dataclass(frozen=True, slots=True)
class EngineFit:
    """Factors on alpha, beta and gamma with their covariance, and since when samples have been rejected."""

    factors: Vector = (1.0, 1.0, 1.0)
    covariance: Covariance = _PRIOR_COVARIANCE
    rejecting_since: float | None = None

    def timing(self, prior: EngineTiming) -> EngineTiming:
        """The prior times the learned factors."""
        alpha, beta, gamma = self.factors
        return EngineTiming(
            alpha * prior.alpha_seconds,
            beta * prior.beta_seconds_per_token,
            gamma * prior.gamma_seconds_per_kv_token,
        )

    def updated(self, sample: StepSample, prior: EngineTiming, second: float) -> EngineFit:
        """The fit after one more sample; the same fit where the sample is an outlier."""
        x = (
            prior.alpha_seconds / sample.step_seconds,
            prior.beta_seconds_per_token * sample.prompt_tokens_per_second,
            prior.gamma_seconds_per_kv_token * sample.kv_tokens / sample.step_seconds,
        )
        a, b, c = self.factors
        error = 1.0 - (a * x[0] + b * x[1] + c * x[2])
        direction = _times(self.covariance, x)
        variance = direction[0] * x[0] + direction[1] * x[1] + direction[2] * x[2] + NOISE**2
        if error * error > GATE * variance:
            return self._rejected(second)
        step = error / variance
        return EngineFit(
            (_clamped(a + direction[0] * step), _clamped(b + direction[1] * step), _clamped(c + direction[2] * step)),
            _narrowed(self.covariance, direction, variance),
        )

    def _rejected(self, second: float) -> EngineFit:
        """The fit after an outlier; after ten minutes of them, with the covariance of the prior."""
        if self.rejecting_since is None:
            return replace(self, rejecting_since=second)
        if second - self.rejecting_since < REJECTED_SECONDS:
            return self
        return EngineFit(self.factors, _PRIOR_COVARIANCE)


def _times(matrix: Covariance, vector: Vector) -> Vector:
    p, q, r, s, t, u = matrix
    x, y, z = vector
    return p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z


def _narrowed(matrix: Covariance, direction: Vector, variance: float) -> Covariance:
    """The covariance after a sample, widened by forgetting towards the prior's and never beyond it."""
    p, q, r, s, t, u = matrix
    x, y, z = direction
    retained, added = 1.0 - FORGETTING, FORGETTING * _PRIOR_VARIANCE
    return (
        retained * (p - x * x / variance) + added,
        retained * (q - x * y / variance),
        retained * (r - x * z / variance),
        retained * (s - y * y / variance) + added,
        retained * (t - y * z / variance),
        retained * (u - z * z / variance) + added,
    )


def _clamped(factor: float) -> float:
    return min(max(factor, 1.0 / MAX_FACTOR), MAX_FACTOR)

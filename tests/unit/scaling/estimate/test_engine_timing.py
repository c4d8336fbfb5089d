"""Learning an engine's timing from what it reports."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from random import Random

import pytest

from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.scaling.estimate.engine_timing import GATE, MAX_FACTOR, NOISE, REJECTED_SECONDS, EngineFit, StepSample
from observations import LENGTHS

PRIOR = EngineTiming(0.016, 41e-6, 36e-9)


def sample(truth: EngineTiming, rate: float, *, noise: float = 0.0, random: Random | None = None) -> StepSample:
    """An engine that serves a rate."""
    step = truth.itl_seconds(rate, LENGTHS)
    measured = step * (1.0 + noise * (random.gauss(0.0, 1.0) if random else 0.0))
    kv_tokens = truth.running(rate, LENGTHS) * LENGTHS.mean_context_tokens
    return StepSample(
        step_seconds=measured, prompt_tokens_per_second=rate * LENGTHS.computed_tokens * step / measured, kv_tokens=kv_tokens
    )


def day(truth: EngineTiming, *, noise: float = 0.05) -> EngineFit:
    """A day of one sample a minute, at all loads."""
    random, fit = Random(7), EngineFit()
    for minute in range(1440):
        rate = 1.0 + 8.0 * random.random()
        fit = fit.updated(sample(truth, rate, noise=noise, random=random), PRIOR, 60.0 * minute)
    return fit


@pytest.mark.parametrize("factors", [(1.0, 1.0, 1.0), (1.4, 0.8, 1.3), (0.7, 1.5, 0.6)])
def test_what_the_engine_really_does_is_found(factors: tuple[float, float, float]) -> None:
    a, b, c = factors
    truth = EngineTiming(a * PRIOR.alpha_seconds, b * PRIOR.beta_seconds_per_token, c * PRIOR.gamma_seconds_per_kv_token)
    timing = day(truth).timing(PRIOR)
    for rate in (2.0, 5.0, 8.0):
        assert timing.itl_seconds(rate, LENGTHS) == pytest.approx(truth.itl_seconds(rate, LENGTHS), rel=0.06)


def test_the_prior_is_what_is_known_first() -> None:
    assert EngineFit().timing(PRIOR) == PRIOR


def test_an_outlier_changes_nothing_but_the_clock() -> None:
    fit = day(PRIOR)
    strange = StepSample(step_seconds=0.9, prompt_tokens_per_second=100.0, kv_tokens=1000.0)
    after = fit.updated(strange, PRIOR, 90_000.0)
    assert (after.factors, after.rejecting_since) == (fit.factors, 90_000.0)
    assert after.updated(strange, PRIOR, 90_060.0) is after


def test_ten_minutes_of_outliers_are_a_new_engine() -> None:
    truth = EngineTiming(2.2 * PRIOR.alpha_seconds, PRIOR.beta_seconds_per_token, PRIOR.gamma_seconds_per_kv_token)
    fit = day(PRIOR, noise=0.01)
    for minute in range(60):
        fit = fit.updated(sample(truth, 4.0), PRIOR, 90_000.0 + 60.0 * minute)
    assert REJECTED_SECONDS == 600.0
    assert fit.timing(PRIOR).itl_seconds(4.0, LENGTHS) == pytest.approx(truth.itl_seconds(4.0, LENGTHS), rel=0.05)


def test_factors_stay_believable() -> None:
    fit = EngineFit()
    for minute in range(3000):
        fit = fit.updated(StepSample(step_seconds=9.0, prompt_tokens_per_second=1.0, kv_tokens=1.0), PRIOR, 60.0 * minute)
    assert all(1 / MAX_FACTOR <= factor <= MAX_FACTOR for factor in fit.factors)


def test_a_sample_that_fits_is_accepted_at_the_gate() -> None:
    """Just below the gate it teaches, just above it does not."""
    tight = day(PRIOR, noise=0.0)
    base = sample(PRIOR, 5.0)
    limit = (GATE * NOISE**2) ** 0.5
    below = StepSample(
        step_seconds=base.step_seconds / (1 - 0.9 * limit),
        prompt_tokens_per_second=base.prompt_tokens_per_second * (1 - 0.9 * limit),
        kv_tokens=base.kv_tokens,
    )
    assert tight.updated(below, PRIOR, 1e6).rejecting_since is None

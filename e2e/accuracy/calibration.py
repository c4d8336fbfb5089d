"""Fits step times by simulating the benchmark that measured them, to both latencies at once.

Damped Gauss-Newton on the logarithms of the three parameters, so that errors are relative and no parameter is negative.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

from accuracy.benchmark_run import run_benchmark
from accuracy.fitting import fit_closed_loop, solve
from modelmatrix.performance.engine_timing import EngineTiming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accuracy.fitting import Measurement

_STEP = 0.05
_ROUNDS = 8
_TINY = 1e-12
# The start where the closed form gives 0, since the search is over logarithms.
_LEAST_BETA, _LEAST_GAMMA = 5e-6, 5e-9


def calibrate(points: Sequence[Measurement], *, waves: int) -> EngineTiming:
    """The step time whose simulated benchmark comes closest to the measured points."""
    start = fit_closed_loop(points)
    parameters = [
        log(max(value, least))
        for value, least in (
            (start.alpha_seconds, _TINY),
            (start.beta_seconds_per_token, _LEAST_BETA),
            (start.gamma_seconds_per_kv_token, _LEAST_GAMMA),
        )
    ]
    errors, damping = _errors(parameters, points, waves), 0.01
    for _ in range(_ROUNDS):
        moved = _move(parameters, errors, points, waves=waves, damping=damping)
        new_errors = _errors(moved, points, waves)
        if _square(new_errors) < _square(errors):
            parameters, errors, damping = moved, new_errors, damping / 3
        else:
            damping *= 5
    return EngineTiming(*map(exp, parameters))


def _errors(parameters: Sequence[float], points: Sequence[Measurement], waves: int) -> list[float]:
    timing = EngineTiming(*map(exp, parameters))
    errors = []
    for point in points:
        seen = run_benchmark(timing, point, waves=waves)
        errors += [log(seen.ttft_seconds / point.ttft_seconds), log(seen.tpot_seconds / point.tpot_seconds)]
    return errors


def _move(
    parameters: Sequence[float], errors: list[float], points: Sequence[Measurement], *, waves: int, damping: float
) -> list[float]:
    slopes = []
    for index in range(len(parameters)):
        nudged = [value + _STEP * (place == index) for place, value in enumerate(parameters)]
        slopes.append([(b - a) / _STEP for a, b in zip(errors, _errors(nudged, points, waves), strict=True)])
    matrix = [[_product(a, b) for b in slopes] for a in slopes]
    for index, row in enumerate(matrix):
        row[index] += damping * row[index] + _TINY
    step = solve(matrix, [-_product(slope, errors) for slope in slopes]) or [0.0] * len(slopes)
    return [value + max(-1.0, min(1.0, change)) for value, change in zip(parameters, step, strict=True)]


def _product(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def _square(values: Sequence[float]) -> float:
    return _product(values, values)

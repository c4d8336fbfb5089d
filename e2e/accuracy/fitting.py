"""Fits step times to measured latencies: non-negative least squares on relative errors.

It supports two kinds of measurement: a fixed batch that is computed and then decoded, and a closed loop in which each
finished request is followed by another. Plain arithmetic for three parameters, without a library.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from modelmatrix.performance.engine_timing import EngineTiming

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Measurement:
    """Mean latencies of an engine with ``batch`` requests at once."""

    batch: float
    input_tokens: float
    output_tokens: float
    ttft_seconds: float
    tpot_seconds: float


def fit_closed_loop(points: Iterable[Measurement]) -> EngineTiming:
    """Step time from inter-token latencies under a constant number of requests.

    A request lasts about ``output_tokens`` steps, so each step computes the prompts of ``batch / output_tokens`` requests.
    """
    rows, values = [], []
    for point in points:
        prompt_tokens = point.batch * point.input_tokens / point.output_tokens
        rows.append((1.0, prompt_tokens, _kv_tokens(point)))
        values.append(point.tpot_seconds)
    return EngineTiming(*fit_non_negative(rows, values))


def fit_fixed_batch(points: Sequence[Measurement]) -> EngineTiming:
    """Step time from a batch that starts together: its first token takes the prompts, the others only KV tokens."""
    first = fit_non_negative(
        [(1.0, point.batch * point.input_tokens) for point in points], [point.ttft_seconds for point in points]
    )
    decode = fit_non_negative([(1.0, _kv_tokens(point)) for point in points], [point.tpot_seconds for point in points])
    return EngineTiming(decode[0], first[1], decode[1])


def predict_closed_loop_tpot(timing: EngineTiming, point: Measurement) -> float:
    """Inter-token latency of a constant number of requests, as it is fitted."""
    return timing.step_seconds(point.batch * point.input_tokens / point.output_tokens, _kv_tokens(point))


def predict_fixed_batch_tpot(timing: EngineTiming, point: Measurement) -> float:
    """Inter-token latency of a batch that decodes together."""
    return timing.step_seconds(0.0, _kv_tokens(point))


def predict_fixed_batch_ttft(timing: EngineTiming, point: Measurement) -> float:
    """Time to first token of a batch that starts together."""
    return timing.step_seconds(point.batch * point.input_tokens, 0.0)


def fit_non_negative(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """The non-negative coefficients that minimise the squared relative errors of ``row * coefficients`` to the values.

    There are few coefficients, so all subsets of non-zero ones are tried.
    """
    width = len(rows[0])
    scaled = [[cell / value for cell in row] for row, value in zip(rows, values, strict=True)]
    best, least = [0.0] * width, float(len(values))
    for size in range(1, width + 1):
        for columns in combinations(range(width), size):
            part = [[row[column] for column in columns] for row in scaled]
            found = solve(*_normal_equations(part))
            if found is None or min(found) < 0:
                continue
            coefficients = [0.0] * width
            for column, coefficient in zip(columns, found, strict=True):
                coefficients[column] = coefficient
            error = sum((sum(a * b for a, b in zip(row, coefficients, strict=True)) - 1.0) ** 2 for row in scaled)
            if error < least:
                best, least = coefficients, error
    return best


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """Solution of a small symmetric positive system of linear equations; None if it is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for pivot, head in enumerate(rows):
        if head[pivot] <= 0:
            return None
        for below in range(pivot + 1, len(rows)):
            factor = rows[below][pivot] / head[pivot]
            rows[below] = [a - factor * b for a, b in zip(rows[below], head, strict=True)]
    found = [0.0] * len(rows)
    for index in reversed(range(len(rows))):
        known = sum(rows[index][column] * found[column] for column in range(index + 1, len(rows)))
        found[index] = (rows[index][-1] - known) / rows[index][index]
    return found


def _normal_equations(rows: Sequence[Sequence[float]]) -> tuple[list[list[float]], list[float]]:
    """The equations whose solution comes closest to ``row * x = 1`` for all rows."""
    width = range(len(rows[0]))
    return [[sum(row[i] * row[j] for row in rows) for j in width] for i in width], [sum(row[i] for row in rows) for i in width]


def _kv_tokens(point: Measurement) -> float:
    return point.batch * (point.input_tokens + point.output_tokens / 2.0)

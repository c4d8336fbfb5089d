"""The errors of the engine model on measurements that it was not fitted to: mean absolute relative error per system.

Every third pair of lengths of a system is held out and the others are fitted; with few pairs, every third pair and batch.
It evaluates three models: the closed form of a batch that starts together, that of inter-token latency in a closed loop,
and the request-level simulation of the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from accuracy.benchmark_run import run_benchmark
from accuracy.calibration import calibrate
from accuracy.fitting import (
    fit_closed_loop,
    fit_fixed_batch,
    predict_closed_loop_tpot,
    predict_fixed_batch_tpot,
    predict_fixed_batch_ttft,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accuracy.fitting import Measurement
    from modelmatrix.performance.engine_timing import EngineTiming

_MIN_FITTED = 10
_MIN_HELD_OUT = 4
# With fewer pairs of lengths, the remaining ones do not separate the cost of prompts from that of KV tokens.
_MIN_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors on held-out points in percent; None for a latency that the model does not predict."""

    model: str
    timing: EngineTiming
    fitted: int
    held_out: int
    ttft_percent: float | None
    tpot_percent: float


@dataclass(frozen=True, slots=True)
class Split:
    """Points to fit and points to predict."""

    fitted: list[Measurement]
    held_out: list[Measurement]

    @property
    def is_enough(self) -> bool:
        """Whether enough points are fitted and held out for a meaningful error."""
        return len(self.fitted) >= _MIN_FITTED and len(self.held_out) >= _MIN_HELD_OUT


def split(points: Sequence[Measurement]) -> Split:
    """Hold out every third pair of lengths, at all batches; with few pairs, every third pair and batch."""
    shapes = {(point.input_tokens, point.output_tokens, point.batch) for point in points}
    pairs = {shape[:2] for shape in shapes}
    # Where most pairs were measured at one batch only, holding out pairs would not hold out batches.
    width = 2 if len(pairs) >= _MIN_PAIRS and len(shapes) >= 2 * len(pairs) else 3
    held = set(sorted({shape[:width] for shape in shapes})[1::3])

    def is_held(point: Measurement) -> bool:
        return (point.input_tokens, point.output_tokens, point.batch)[:width] in held

    return Split([point for point in points if not is_held(point)], [point for point in points if is_held(point)])


def judge_fixed_batch(parts: Split) -> Accuracy:
    """The closed form of a batch that starts together."""
    timing = fit_fixed_batch(parts.fitted)
    return Accuracy(
        model="closed form, one batch",
        timing=timing,
        fitted=len(parts.fitted),
        held_out=len(parts.held_out),
        ttft_percent=_error((predict_fixed_batch_ttft(timing, point), point.ttft_seconds) for point in parts.held_out),
        tpot_percent=_error((predict_fixed_batch_tpot(timing, point), point.tpot_seconds) for point in parts.held_out),
    )


def judge_closed_loop(parts: Split) -> Accuracy:
    """The closed form of inter-token latency at a constant number of requests; it does not predict first tokens."""
    timing = fit_closed_loop(parts.fitted)
    return Accuracy(
        model="closed form, closed loop",
        timing=timing,
        fitted=len(parts.fitted),
        held_out=len(parts.held_out),
        ttft_percent=None,
        tpot_percent=_error((predict_closed_loop_tpot(timing, point), point.tpot_seconds) for point in parts.held_out),
    )


def judge_simulation(parts: Split, *, waves: int) -> Accuracy:
    """The request-level simulation of the benchmark with ``waves`` waves."""
    timing = calibrate(parts.fitted, waves=waves)
    seen = [run_benchmark(timing, point, waves=waves) for point in parts.held_out]
    return Accuracy(
        model=f"simulation, waves: {waves}",
        timing=timing,
        fitted=len(parts.fitted),
        held_out=len(parts.held_out),
        ttft_percent=_error((ours.ttft_seconds, point.ttft_seconds) for ours, point in zip(seen, parts.held_out, strict=True)),
        tpot_percent=_error((ours.tpot_seconds, point.tpot_seconds) for ours, point in zip(seen, parts.held_out, strict=True)),
    )


def to_markdown(rows: Iterable[tuple[str, Accuracy]]) -> str:
    """A table of systems and errors."""
    lines = [
        "| system | model | alpha ms | beta us/token | gamma ns/KV token | fitted | held out | TTFT MAPE | TPOT MAPE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for system, one in rows:
        timing = one.timing
        ttft = "-" if one.ttft_percent is None else f"{one.ttft_percent:.1f} %"
        lines.append(
            f"| {system} | {one.model} | {timing.alpha_seconds * 1e3:.2f} | {timing.beta_seconds_per_token * 1e6:.1f} "
            f"| {timing.gamma_seconds_per_kv_token * 1e9:.1f} | {one.fitted} | {one.held_out} | {ttft} "
            f"| {one.tpot_percent:.1f} % |"
        )
    return "\n".join(lines)


def summary(rows: Iterable[tuple[str, Accuracy]]) -> str:
    """The median error over systems, one line per model."""
    by_model: dict[str, list[Accuracy]] = {}
    for _, one in rows:
        by_model.setdefault(one.model, []).append(one)
    lines = []
    for model, found in by_model.items():
        first = [one.ttft_percent for one in found if one.ttft_percent is not None]
        ttft = f"TTFT {median(first):.1f} %, " if first else ""
        tpot = median(one.tpot_percent for one in found)
        lines.append(f"- {model}: {len(found)} systems, median of their errors: {ttft}TPOT {tpot:.1f} %")
    return "\n".join(lines)


def _error(pairs: Iterable[tuple[float, float]]) -> float:
    errors = [abs(predicted / measured - 1.0) for predicted, measured in pairs]
    return 100.0 * sum(errors) / len(errors)

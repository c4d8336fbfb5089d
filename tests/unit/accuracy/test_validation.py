"""The engine model against measurements it was not fitted to. Bounds are the errors seen, with room for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accuracy.benchmark_run import run_benchmark
from accuracy.calibration import calibrate
from accuracy.fitting import (
    Measurement,
    fit_closed_loop,
    fit_fixed_batch,
    fit_non_negative,
    predict_closed_loop_tpot,
    solve,
)
from accuracy.perf_points import read_silicon, read_splitwise
from accuracy.validation import (
    judge_closed_loop,
    judge_fixed_batch,
    judge_simulation,
    split,
    summary,
    to_markdown,
)
from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.simulation.traces.files import TraceError

PERF = Path(__file__).parents[2] / "traces" / "perf"
TIMING = EngineTiming(0.013, 5e-5, 6e-8)


@pytest.fixture(scope="module")
def silicon() -> dict[str, list[Measurement]]:
    return read_silicon(PERF / "aiconfigurator_silicon_sample.csv.gz")


@pytest.mark.parametrize(
    ("system", "tpot_percent"),
    [
        ("Llama-3.1-8B-Instruct h100_sxm trtllm tp1", 2.0),
        ("Qwen3-32B h100_sxm sglang tp4", 3.0),
        ("Qwen3-32B h100_sxm trtllm fp8 tp1", 7.0),
        ("Qwen3-32B h100_sxm vllm tp4", 6.0),
        ("Qwen3-235B-A22B-FP8 h100_sxm trtllm fp8 tp8", 12.0),
    ],
)
def test_closed_form_predicts_inter_token_latency(
    silicon: dict[str, list[Measurement]], system: str, tpot_percent: float
) -> None:
    parts = split(silicon[system])
    assert parts.is_enough
    assert judge_closed_loop(parts).tpot_percent < tpot_percent


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_simulation_predicts_both_latencies_of_a_burst(silicon: dict[str, list[Measurement]], ranks: int) -> None:
    accuracy = judge_simulation(split(silicon[f"Qwen3-32B h100_sxm sglang tp{ranks}"]), waves=1)
    assert accuracy.ttft_percent is not None
    assert accuracy.ttft_percent < 8.0
    assert accuracy.tpot_percent < 4.0


def test_fixed_batches_decode_as_predicted_and_their_prompts_roughly() -> None:
    systems = read_splitwise(PERF / "splitwise_perf_model.csv.gz")
    assert len(systems) == 12
    accuracy = judge_fixed_batch(split(systems["llama2-70b h100-80gb tp8"]))
    assert accuracy.tpot_percent < 3.0
    assert accuracy.ttft_percent is not None
    assert accuracy.ttft_percent < 30.0


def test_held_out_shapes_are_not_fitted(silicon: dict[str, list[Measurement]]) -> None:
    parts = split(silicon["Qwen3-32B h100_sxm vllm tp4"])
    fitted, held = ({(point.input_tokens, point.output_tokens) for point in part} for part in (parts.fitted, parts.held_out))
    assert (len(fitted), len(held), fitted & held) == (4, 2, set())


timings = st.builds(EngineTiming, st.floats(1e-3, 0.05), st.floats(1e-6, 1e-3), st.floats(1e-9, 1e-6))


@given(timing=timings)
def test_fits_recover_what_made_the_points(timing: EngineTiming) -> None:
    def point(batch: int, prompt: int, output: int) -> Measurement:
        bare = Measurement(batch, prompt, output, 1.0, 1.0)
        return Measurement(batch, prompt, output, 1.0, predict_closed_loop_tpot(timing, bare))

    points = [point(b, i, o) for b in (1, 8, 64) for i, o in ((100, 900), (1000, 100), (4000, 500), (8000, 2000))]
    found = fit_closed_loop(points)
    assert found.alpha_seconds == pytest.approx(timing.alpha_seconds, rel=1e-5)
    assert found.beta_seconds_per_token == pytest.approx(timing.beta_seconds_per_token, rel=1e-5)
    assert found.gamma_seconds_per_kv_token == pytest.approx(timing.gamma_seconds_per_kv_token, rel=1e-4)


def test_calibration_recovers_what_made_the_points() -> None:
    shapes = [(4, 1000, 50), (16, 1000, 50), (4, 4000, 20), (16, 200, 80), (1, 2000, 10)]
    points = []
    for shape in shapes:
        seen = run_benchmark(TIMING, Measurement(*shape, 0.0, 0.0), waves=2)
        points.append(Measurement(*shape, seen.ttft_seconds, seen.tpot_seconds))
    found = calibrate(points, waves=2)
    assert found.alpha_seconds == pytest.approx(TIMING.alpha_seconds, rel=0.02)
    assert found.beta_seconds_per_token == pytest.approx(TIMING.beta_seconds_per_token, rel=0.02)
    assert found.gamma_seconds_per_kv_token == pytest.approx(TIMING.gamma_seconds_per_kv_token, rel=0.1)


def test_a_benchmark_by_hand() -> None:
    seen = run_benchmark(EngineTiming(0.01, 1e-4, 0.0), Measurement(2, 100, 11, 0.0, 0.0), waves=3)
    assert seen.ttft_seconds == pytest.approx(0.01 + 200e-4)
    assert seen.tpot_seconds == pytest.approx(0.01)


def test_fixed_batches_tell_prompts_from_decoding() -> None:
    points = [
        Measurement(batch, prompt, 100, 0.05 + batch * prompt * 1e-4, 0.03 + batch * (prompt + 50) * 1e-7)
        for batch in (1, 4, 16)
        for prompt in (100, 1000)
    ]
    found = fit_fixed_batch(points)
    assert found.alpha_seconds == pytest.approx(0.03)
    assert found.beta_seconds_per_token == pytest.approx(1e-4)


def test_coefficients_are_never_negative() -> None:
    assert fit_non_negative([(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], [3.0, 2.0, 1.0])[1] == 0.0
    assert solve([[0.0]], [1.0]) is None


def test_the_table_is_markdown(silicon: dict[str, list[Measurement]]) -> None:
    row = ("a system", judge_closed_loop(split(silicon["Qwen3-32B h100_sxm vllm tp4"])))
    table = to_markdown([row]).splitlines()
    assert len(table) == 3
    assert len({line.count("|") for line in table}) == 1
    assert summary([row]).startswith("- closed form, closed loop: 1 systems, median of their errors: TPOT ")


def test_tables_of_something_else_are_refused() -> None:
    with pytest.raises(TraceError, match="the columns mode"):
        read_silicon(PERF / "splitwise_perf_model.csv.gz")

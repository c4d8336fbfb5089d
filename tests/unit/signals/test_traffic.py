from __future__ import annotations

import pytest

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.catalogue.loader import builtin
from modelmatrix.signals.samples import DeploymentSamples
from modelmatrix.signals.slo_buckets import counted_bounds
from modelmatrix.signals.traffic import DialectTraffic, combine, dialect_traffic, missing_input, token_count_note, traffic_of

VLLM, MINDIE, TEI = (builtin().dialects[name] for name in ("vllm", "mindie", "tei"))
FULL = {"short": 3.0, "long": 2.0, "fast": 4.0, "running": 8.0, "waiting": 1.0}
MEANS = {"kv_usage": 0.5, "input": 1000.0, "output": 200.0, "hit": 0.25}
SLO = ServiceLevelObjective.model_validate({"ttftMilliseconds": 1000})
BOUNDS = counted_bounds(builtin(), (("vLLM", "vllm:v0.32.0"), ("MindIE", "mindie:2.3.0")), SLO)


def raw(**dialects: dict[str, float]) -> DeploymentSamples:
    return DeploymentSamples(
        values={f"{name}/{signal}": value for name, values in dialects.items() for signal, value in values.items()}
    )


def test_the_traffic_of_one_engine() -> None:
    known = raw(vllm=FULL | MEANS)
    traffic = traffic_of(dialect_traffic(known, VLLM, is_zero=False), known, BOUNDS)
    assert traffic is not None
    assert (traffic.arrivals_per_second, traffic.arrivals_per_second_long, traffic.arrivals_per_second_fast) == (3.0, 2.0, 4.0)
    assert (traffic.running, traffic.waiting, traffic.kv_usage_ratio) == (8.0, 1.0, 0.5)
    assert (traffic.input_tokens, traffic.output_tokens, traffic.hit_ratio) == (1000.0, 200.0, 0.25)
    assert (traffic.ttft, traffic.measured) == (None, None)


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("short", "the arrivals of a minute"),
        ("long", "the arrivals of three minutes"),
        ("running", "running requests"),
        ("waiting", "waiting requests"),
    ],
)
def test_without_a_sum_there_is_no_traffic(lacking: str, words: str) -> None:
    known = raw(vllm={name: value for name, value in FULL.items() if name != lacking})
    part = dialect_traffic(known, VLLM, is_zero=False)
    assert traffic_of(part, known, BOUNDS) is None
    assert missing_input(part) == words


@pytest.mark.parametrize("lacking", ["fast", "kv_usage", "input", "output", "hit"])
def test_without_the_rest_there_is(lacking: str) -> None:
    known = raw(vllm={name: value for name, value in (FULL | MEANS).items() if name != lacking})
    assert traffic_of(dialect_traffic(known, VLLM, is_zero=False), known, BOUNDS) is not None


def test_an_engine_without_the_gauge_runs_nothing_that_is_known() -> None:
    known = raw(tei={"short": 1.0, "long": 1.0, "waiting": 0.0})
    assert dialect_traffic(known, TEI, is_zero=False).running == 0.0


def test_engines_add_up_and_means_are_those_of_requests() -> None:
    known = raw(vllm=FULL | MEANS, mindie=FULL | {"long": 6.0, "input": 2000.0})
    part = combine([dialect_traffic(known, VLLM, is_zero=False), dialect_traffic(known, MINDIE, is_zero=False)])
    assert (part.short, part.long, part.running) == (6.0, 8.0, 16.0)
    assert part.input_tokens == (2 * 1000 + 6 * 2000) / 8
    assert part.output_tokens == 200.0


def test_means_of_idle_engines_are_plain() -> None:
    known = raw(vllm=FULL | {"long": 0.0, "input": 1000.0}, mindie=FULL | {"long": 0.0, "input": 3000.0})
    assert combine([dialect_traffic(known, one, is_zero=False) for one in (VLLM, MINDIE)]).input_tokens == 2000.0


def test_what_one_engine_does_not_know_nobody_knows() -> None:
    known = raw(vllm=FULL)
    parts = [dialect_traffic(known, VLLM, is_zero=False), dialect_traffic(known, MINDIE, is_zero=False)]
    assert combine(parts).short is None
    parts = [dialect_traffic(known, VLLM, is_zero=False), dialect_traffic(known, MINDIE, is_zero=True)]
    assert combine(parts).short == 3.0


def test_shares_of_all_engines_that_have_the_bucket() -> None:
    known = raw(vllm=FULL, mindie=FULL)
    known.buckets |= {("vllm/ttft", "+Inf"): 100.0, ("vllm/ttft", "1.0"): 90.0}
    known.buckets |= {("mindie/ttft", "+Inf"): 50.0, ("mindie/ttft", "1"): 60.0}
    traffic = traffic_of(DialectTraffic(1, 1, 1, 1, 1, None, None, None, None), known, BOUNDS)
    assert traffic is not None
    assert traffic.ttft is not None
    assert (traffic.ttft.requests, traffic.ttft.within) == (150.0, 140.0)


@pytest.mark.parametrize("counts", [{}, {"+Inf": 0.0, "1.0": 0.0}, {"+Inf": 10.0}, {"1.0": 5.0}])
def test_a_share_of_nothing_is_none(counts: dict[str, float]) -> None:
    known = raw(vllm=FULL)
    known.buckets |= {("vllm/ttft", bound): value for bound, value in counts.items()}
    traffic = traffic_of(dialect_traffic(known, VLLM, is_zero=False), known, BOUNDS)
    assert traffic is not None
    assert traffic.ttft is None


def test_numbers_that_cannot_be_are_bounded() -> None:
    known = raw(vllm=FULL | {"short": -0.5, "hit": 1.5})
    traffic = traffic_of(dialect_traffic(known, VLLM, is_zero=False), known, BOUNDS)
    assert traffic is not None
    assert (traffic.arrivals_per_second, traffic.hit_ratio) == (0.0, 1.0)


def test_what_figures_stand_for_is_told_where_it_is_not_what_they_seem() -> None:
    assert token_count_note({"vllm": VLLM, "tei": TEI}) == ""
    assert "requests of 200 output tokens" in token_count_note({"llama-cpp": builtin().dialects["llama-cpp"]})

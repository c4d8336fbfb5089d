"""Metrics pages: the recorded one to the letter, and all of them as Prometheus understands them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from engines.arguments import bucket_bounds
from engines.metrics.dialect import Dialect, dialect_of, dialects
from engines.metrics.exposition import Role, parse_page
from engines.metrics.metrics_page import Identity, Page
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Request

CATALOGUE = Path(__file__).parents[4] / "operator" / "modelmatrix" / "catalogue" / "data" / "dialects"
LIMITS = EngineLimits(max_num_seqs=8, kv_tokens=524_288)
TIMING = EngineTiming(0.0045, 1e-5, 0.0)


def page_of(dialect: Dialect, name: str = "tiny", bounds: dict[str, tuple[float, ...]] | None = None) -> Page:
    identity = Identity(served_name=name, kv_tokens=524_288, created_unix_seconds=1.7953126469309628e9, bounds=bounds or {})
    return Page(dialect, identity)


def replica_of(page: Page, requests: int = 0) -> Replica:
    replica = Replica(TIMING, LIMITS, buckets=page.buckets)
    for second in range(requests):
        replica.submit(Request(float(second), 7, 64))
    replica.drain()
    return replica


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    # The parser calls every counter "_total"; engines that do not write it (TEI) keep their own names here.
    plain = {line.name for line in parse_page(page.decode())}
    return {
        (
            sample.name if sample.name in plain else sample.name.removesuffix("_total"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def value(page: bytes, name: str, **labels: str) -> float:
    return next(found for (series, of), found in samples(page).items() if series == name and labels.items() <= dict(of).items())


def test_the_vllm_page_is_the_recorded_one_but_for_its_numbers() -> None:
    dialect = dialect_of("vLLM")
    page = page_of(dialect)
    ours, recorded = page.render(replica_of(page)).decode().splitlines(), dialect.text.splitlines()
    assert [line if line.startswith("#") else line.rpartition(" ")[0] for line in ours] == [
        line if line.startswith("#") else line.rpartition(" ")[0] for line in recorded
    ]


def test_a_fresh_engine_has_counted_nothing() -> None:
    page = page_of(dialect_of("vLLM"))
    for (name, _), number in samples(page.render(replica_of(page))).items():
        if name.startswith("vllm:") and not name.endswith(("_created", "_info", "engine_sleep_state")):
            assert number == 0, name
        if name.endswith("_created"):
            assert number == 1.7953126469309628e9


def test_the_recorded_requests_give_the_recorded_counts() -> None:
    dialect = dialect_of("vLLM")
    page = page_of(dialect)
    ours, recorded = samples(page.render(replica_of(page, requests=5))), samples(dialect.text.encode())
    for name in (
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "vllm:prefix_cache_queries_total",
        "vllm:iteration_tokens_total_count",
        "vllm:iteration_tokens_total_sum",
        "vllm:inter_token_latency_seconds_count",
        "vllm:time_to_first_token_seconds_count",
        "vllm:e2e_request_latency_seconds_count",
        "vllm:request_prompt_tokens_sum",
        "vllm:request_generation_tokens_sum",
    ):
        series = next(key for key in recorded if key[0] == name)
        assert ours[series] == recorded[series], name


def test_buckets_follow_the_command_line() -> None:
    dialect = dialect_of("vLLM-Ascend")
    words = [
        "--max-model-len",
        "8192",
        "--custom-histogram-buckets",
        '{"time_to_first_token": [0.5, 2], "request_latency": [1]}',
    ]
    page = page_of(dialect, "a", bucket_bounds(dialect, words))
    rendered = page.render(replica_of(page, requests=3))
    found = {dict(of)["le"] for name, of in samples(rendered) if name == "vllm:time_to_first_token_seconds_bucket"}
    assert found == {"0.5", "2.0", "+Inf"}
    assert value(rendered, "vllm:request_decode_time_seconds_bucket", le="1.0") == 3
    assert value(rendered, "vllm:request_prompt_tokens_bucket", le="5000.0") == 3
    assert value(rendered, "vllm:inter_token_latency_seconds_bucket", le="0.01") == 3 * 63
    assert 'le="10000.0"' not in rendered.decode()


def test_names_and_sizes_are_the_engines_own() -> None:
    page = page_of(dialect_of("vLLM"), 'a "b"\\c')
    text = page.render(replica_of(page)).decode()
    assert 'model_name="a \\"b\\"\\\\c"' in text
    assert 'kv_cache_size_tokens="524288"' in text
    other = Page(dialect_of("vLLM"), Identity(served_name="x", kv_tokens=1280, created_unix_seconds=1.0, bounds={}))
    assert 'num_gpu_blocks="10"' in other.render(replica_of(other)).decode()


def test_a_page_is_rendered_once_until_something_happens() -> None:
    page = page_of(dialect_of("vLLM"))
    replica = replica_of(page, requests=1)
    first = page.render(replica)
    assert page.render(replica) is first
    replica.submit(Request(100.0, 5, 5))
    replica.advance(100.0)
    assert value(page.render(replica), "vllm:num_requests_waiting") == 1
    replica.drain()
    assert value(page.render(replica), "vllm:request_success_total", finished_reason="stop") == 2


def test_a_broken_page_has_gauges_that_are_not_numbers() -> None:
    page = page_of(dialect_of("vLLM"))
    replica = replica_of(page, requests=2)
    assert value(page.render(replica), "vllm:num_requests_running") == 0
    broken = page.render(replica, is_broken=True)
    assert math.isnan(value(broken, "vllm:num_requests_running"))
    assert value(broken, "vllm:generation_tokens_total") == 128


@pytest.mark.parametrize("engine", sorted(dialects()))
def test_every_dialect_tells_load_and_is_understood(engine: str) -> None:
    dialect = dialect_of(engine)
    page = page_of(dialect, "m", {})
    rendered = page.render(replica_of(page, requests=4))
    parsed = samples(rendered)
    names = {name for name, _ in parsed}
    assert {entry.series for entry in dialect.values} <= names
    assert {f"{entry.series}_count" for entry in dialect.histograms} <= names
    for entry in dialect.histograms:
        buckets = [number for (name, of), number in parsed.items() if name == f"{entry.series}_bucket" and of]
        assert buckets == sorted(buckets)
        assert buckets[-1] == next(number for (name, _), number in parsed.items() if name == f"{entry.series}_count")


@pytest.mark.parametrize(
    "entry", [entry for dialect in dialects().values() for entry in dialect.values], ids=lambda entry: entry.series
)
def test_driven_series_are_in_their_page(entry: object) -> None:
    pages = [dialect for dialect in dialects().values() if entry in dialect.values]
    assert any(line.name == getattr(entry, "series", None) for line in parse_page(pages[0].text))


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.yaml")), ids=lambda path: path.stem)
def test_pages_show_what_the_operator_looks_for(path: Path) -> None:
    looked_for = yaml.safe_load(path.read_text(encoding="utf-8"))["metrics"]
    spoken = next(dialect for dialect in dialects().values() if dialect.page == f"{path.stem}.prom")
    shown = {line.base for line in parse_page(spoken.text)}
    for meaning in ("ttft", "tpot", "e2e", "finished", "running", "waiting"):
        assert meaning not in looked_for or shown & set(looked_for[meaning]), meaning


def test_tei_says_nothing_before_its_first_request() -> None:
    page = page_of(dialect_of("TEI"))
    assert page.render(replica_of(page)) == b""
    used = page.render(replica_of(page, requests=2))
    assert value(used, "te_request_success", method="single") == 2
    assert value(used, "te_request_duration_count") == 2


def test_engines_that_nobody_described_speak_vllm() -> None:
    assert dialect_of("something-new") is dialect_of("vLLM")


def test_lines_are_told_apart() -> None:
    text = '# TYPE h histogram\nh_bucket{a="x",le="1.0"} 0\nh_count{a="x"} 0\nh_sum{a="x"} 0\ng_count 5\nbad line here\n'
    assert [(line.role, line.base) for line in parse_page(text)] == [
        (Role.TEXT, ""),
        (Role.BUCKET, "h"),
        (Role.COUNT, "h"),
        (Role.SUM, "h"),
        (Role.VALUE, "g_count"),
        (Role.TEXT, ""),
    ]

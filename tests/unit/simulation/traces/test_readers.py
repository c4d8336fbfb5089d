"""Reading traces: what is in them, and what is said about those that are broken."""

# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from random import Random

import pytest

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.files import TraceError
from modelmatrix.simulation.traces.readers import Count, TraceLengths, read_counts, read_trace, window

TRACES = Path(__file__).parents[3] / "traces"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_trace_is_the_pinned_one() -> None:
    lines = (TRACES / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    pinned = {name: digest for digest, name in (line.split() for line in lines)}
    present = {f"./{path.relative_to(TRACES)}": path for path in TRACES.rglob("*.*z")}
    present |= {f"./{path.relative_to(TRACES)}": path for path in TRACES.rglob("*.csv")}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in present.items()} == pinned


def test_counts_are_spread_evenly_over_their_step(tmp_path: Path) -> None:
    trace = written(tmp_path / "counts.csv", "second,requests\n60,2\n70,0\n80,1\n")
    lengths = TraceLengths(input_tokens=7, output_tokens=3)
    assert list(read_trace(trace, lengths=lengths)) == [
        Request(62.5, 7, 3),
        Request(67.5, 7, 3),
        Request(85.0, 7, 3),
    ]
    assert list(read_counts(trace)) == [Count(60, 10, 2), Count(70, 10, 0), Count(80, 10, 1)]


def test_counts_can_be_spread_at_random(tmp_path: Path) -> None:
    trace = written(tmp_path / "counts.csv", "second,requests\n0,50\n10,50\n")
    seconds = [request.arrival_seconds for request in read_trace(trace, spread=Random(1))]
    assert seconds == sorted(seconds)
    assert sum(second < 10 for second in seconds) == 50
    assert seconds == [request.arrival_seconds for request in read_trace(trace, spread=Random(1))]


def test_a_part_of_a_trace_begins_at_zero(tmp_path: Path) -> None:
    counts = written(tmp_path / "counts.csv", "second,requests\n0,5\n10,1\n20,2\n30,5\n")
    part = read_trace(counts, between_seconds=(12.0, 30.0))
    assert [request.arrival_seconds for request in part] == [3.0, 10.5, 15.5]
    rows = written(tmp_path / "rows.csv", "second,input_tokens,output_tokens\n1,1,1\n2,2,2\n3,3,3\n")
    assert list(read_trace(rows, between_seconds=(1.5, 3.0))) == [Request(0.5, 2, 2)]


def test_one_row_a_request_packed_or_not(tmp_path: Path) -> None:
    text = "second,input_tokens,output_tokens\n0.5,100,20\n\n0.5,0,0\n3,50,5\n"
    packed = tmp_path / "without-suffix"
    packed.write_bytes(gzip.compress(text.encode()))
    expected = [Request(0.5, 100, 20), Request(0.5, 1, 0), Request(3.0, 50, 5)]
    assert list(read_trace(packed)) == list(read_trace(written(tmp_path / "a.csv", text))) == expected


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "header"),
        ("a,b\n1,2\n", 1, "second,requests"),
        ("second,requests\n0,1\n", 3, "two rows"),
        ("second,requests\n", 2, "two rows"),
        ("second,requests\n0,1\n0,1\n", 3, "later time"),
        ("second,requests\n0,1\n10,1\n25,1\n", 4, "equal steps of 10 s"),
        ("second,requests\n0,1\n10,many\n", 3, "a number in column 'requests', found 'many'"),
        ("second,requests\n0,1\n10,-4\n", 3, "at least 0"),
        ("second,requests\n0,1\n10,1.5\n", 3, "whole number"),
        ("second,requests\n0,1\n10,nan\n", 3, "at least 0"),
        ("second,requests\n0,1\n10,1,2\n", 3, "2 columns"),
        ("second,input_tokens,output_tokens\n5,1,1\n4,1,1\n", 3, "at or after the row before"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", 2, "a time like"),
        ('{"timestamp": 1}\n', 1, "JSON object"),
        ('{"timestamp": 1, "input_length": 1, "output_length": 1}\n', 1, "hash_ids"),
        ("{nonsense\n", 1, "JSON object"),
    ],
)
def test_broken_traces_name_the_line_and_what_was_expected(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = written(tmp_path / "trace", text)
    with pytest.raises(TraceError) as caught:
        list(read_trace(path))
    assert caught.value.line == line
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8bnonsense", gzip.compress(b"second,requests\n" * 99)[:-9], b"\xff\xfe\x00"],
    ids=["not gzip", "cut off", "not text"],
)
def test_damaged_files_are_no_stack_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(content)
    with pytest.raises(TraceError, match="expected"):
        list(read_trace(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"nowhere\.csv.*No such file"):
        list(read_trace(tmp_path / "nowhere.csv"))


def test_counts_of_a_trace_without_counts_are_refused() -> None:
    with pytest.raises(TraceError, match="second,requests"):
        list(read_counts(TRACES / "aibrix" / "aibrix_8min_up_and_down.csv.gz"))


@pytest.mark.parametrize(
    ("name", "number", "seconds", "input_tokens", "output_tokens"),
    [
        ("azure/AzureLLMInferenceTrace_code_2023.csv.gz", 8819, 0.95 * 3600, 2048, 28),
        ("azure/AzureLLMInferenceTrace_conv_2023.csv.gz", 19366, 0.97 * 3600, 1155, 211),
        ("aibrix/aibrix_8min_up_and_down.csv.gz", 2026, 462, None, None),
        ("mooncake/mooncake_conversation.jsonl.gz", 12031, 0.98 * 3600, 12035, 343),
    ],
)
def test_published_traces_have_the_published_means(
    name: str, number: int, seconds: float, input_tokens: int | None, output_tokens: int | None
) -> None:
    requests = list(read_trace(TRACES / name))
    assert len(requests) == number
    assert requests[-1].arrival_seconds == pytest.approx(seconds, rel=0.02)
    if input_tokens and output_tokens:
        assert sum(one.input_tokens for one in requests) / number == pytest.approx(input_tokens, rel=0.01)
        assert sum(one.output_tokens for one in requests) / number == pytest.approx(output_tokens, rel=0.01)


@pytest.mark.parametrize(("name", "requests"), [("coding", 16_803_695), ("conversation", 27_303_999)])
def test_a_week_of_azure_is_read_as_counts(name: str, requests: int) -> None:
    counts = list(read_counts(TRACES / "azure" / f"azure2024_{name}_10s_counts.csv.gz"))
    assert len(counts) == 60_481
    assert (counts[0].second, counts[-1].second) == (0, 7 * 86_400)
    assert sum(count.requests for count in counts) == requests


def test_a_window_begins_at_zero() -> None:
    requests = [Request(second, 1, 1) for second in (0.0, 10.0, 15.0, 20.0)]
    assert [one.arrival_seconds for one in window(requests, 10.0, 10.0)] == [0.0, 5.0]

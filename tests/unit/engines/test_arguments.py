"""Command lines of engines, in the forms that pods give them."""

from __future__ import annotations

import pytest

from engines.arguments import bucket_bounds, split_arguments, value_of, values_of
from engines.metrics.dialect import dialect_of

VLLM, SGLANG = dialect_of("vLLM"), dialect_of("SGLang")


@pytest.mark.parametrize(
    "parts",
    [
        ["serve", "m", "--served-model-name", "chat", "--port", "8000"],
        ["serve", "m", "--served-model-name=chat"],
        ["sh", "-c", "exec vllm serve m --served-model-name chat \\\n  --port 8000"],
        ["--served-model-name", "old", "--served-model-name", "chat"],
        ["sh", "-c", "vllm serve m --served-model-name 'chat' --x"],
    ],
)
def test_served_name(parts: list[str]) -> None:
    assert value_of(split_arguments(parts), "--served-model-name") == "chat"


def test_absent_flags_have_no_value() -> None:
    assert value_of(["--a", "1"], "--b") is None
    assert value_of(["--a"], "--a") is None
    assert values_of(["--a", "1", "2", "--b", "3"], "--a") == ["1", "2"]
    assert value_of(["x"], None) is None


def test_an_open_quote_is_no_script() -> None:
    assert split_arguments(["it's --odd or so"]) == ["it's --odd or so"]


@pytest.mark.parametrize(
    "parts",
    [
        ["--custom-histogram-buckets", '{"time_to_first_token":[0.5,1], "request_latency": [1, 2]}'],
        ['--custom-histogram-buckets={"time_to_first_token":[0.5,1],"request_latency":[1,2]}'],
        ["--custom-histogram-buckets.time_to_first_token", "[0.5, 1]", "--custom-histogram-buckets.request_latency=[1,2]"],
        ["sh", "-c", 'vllm serve --custom-histogram-buckets \'{"time_to_first_token":[0.5,1],"request_latency":[1,2]}\''],
    ],
)
def test_vllm_buckets(parts: list[str]) -> None:
    assert bucket_bounds(VLLM, split_arguments(parts)) == {"time_to_first_token": (0.5, 1.0), "request_latency": (1.0, 2.0)}


def test_sglang_buckets_as_words_or_as_one() -> None:
    words = ["--bucket-time-to-first-token", "0.1", "0.5", "--bucket-inter-token-latency", "0.01 0.02"]
    assert bucket_bounds(SGLANG, words) == {"time_to_first_token": (0.1, 0.5), "inter_token_latency": (0.01, 0.02)}


def test_token_lengths_go_up_to_the_longest_request() -> None:
    found = bucket_bounds(VLLM, ["--max-model-len", "1024"])
    assert found == {"request_tokens": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)}
    assert bucket_bounds(VLLM, ["--max-model-len", "32k"]) == {}


@pytest.mark.parametrize("bounds", ["[]", "[2, 1]", "[1, 1]"])
def test_buckets_that_no_engine_takes(bounds: str) -> None:
    with pytest.raises(ValueError, match="increasing"):
        bucket_bounds(VLLM, ["--custom-histogram-buckets", f'{{"request_latency": {bounds}}}'])

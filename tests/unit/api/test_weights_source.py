"""Sources of weights: parsed once, never guessed, and refused with words."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import SOURCE_PATTERN
from modelmatrix.api.weights_source import Scheme, Source, SourceError, parse_source

VALID = {
    "modelscope://Qwen/Qwen3-32B@master": Source(Scheme.MODELSCOPE, "Qwen/Qwen3-32B", "master"),
    "hf://Qwen/Qwen3-32B": Source(Scheme.HUGGING_FACE, "Qwen/Qwen3-32B"),
    "s3://models/qwen/fp8": Source(Scheme.S3, "models/qwen/fp8"),
    "s3://models": Source(Scheme.S3, "models"),
    "obs://models/qwen@v2": Source(Scheme.OBS, "models/qwen", "v2"),
    "oci://registry.bank.local:5000/qwen@sha256:0a1b": Source(Scheme.OCI, "registry.bank.local:5000/qwen", "sha256:0a1b"),
    "pvc://weights/qwen2.5-72b": Source(Scheme.PVC, "qwen2.5-72b", claim="weights"),
    "pvc://weights": Source(Scheme.PVC, "", claim="weights"),
}
INVALID = {
    "Qwen/Qwen3-32B": "has no scheme",
    "https://x/y": "unknown scheme 'https'",
    "HF://Qwen/Qwen3-32B": "unknown scheme 'HF'",
    "hf://": "empty path segment",
    "hf://Qwen": "must name organisation/repository",
    "hf://Qwen/Qwen3/32B": "must name organisation/repository",
    "s3://bucket//key": "empty path segment",
    "s3://bucket/": "empty path segment",
    "s3://bucket/../secrets": "segment '..'",
    "pvc://weights/.hidden": "segment '.hidden'",
    "pvc://.weights/qwen": "segment '.weights'",
    "pvc://weights/qwen@v2": "a claim has none",
}
schemes = st.sampled_from([*Scheme, "https", "", "hf:"])
texts = st.builds("{}://{}{}".format, schemes, st.text(max_size=40), st.sampled_from(["", "@main", "@"])) | st.text()


@pytest.mark.parametrize("text", VALID)
def test_valid_sources(text: str) -> None:
    assert parse_source(text) == VALID[text]
    assert re.match(SOURCE_PATTERN, text), "the CRD would refuse what the operator accepts"


@pytest.mark.parametrize("text", INVALID)
def test_invalid_sources_say_what_is_wrong(text: str) -> None:
    with pytest.raises(SourceError, match=INVALID[text]):
        parse_source(text)


@given(texts)
@example("hf://\x00/\udc80")
def test_nothing_is_raised_but_source_errors(text: str) -> None:
    try:
        source = parse_source(text)
    except SourceError:
        return
    assert source.scheme in Scheme
    assert not any(segment.startswith(".") for segment in source.location.split("/") if segment)


@given(texts)
def test_what_was_parsed_can_be_written_again(text: str) -> None:
    try:
        source = parse_source(text)
    except SourceError:
        return
    path = "/".join(part for part in (source.claim, source.location) if part)
    suffix = f"@{source.revision}" if source.revision else ""
    assert f"{source.scheme}://{path}{suffix}" == text.removesuffix("@" if not source.revision else "")

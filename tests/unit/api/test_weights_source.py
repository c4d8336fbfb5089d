"""Sources of weights: parsed once, never guessed, and refused with words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from modelmatrix.api.model_deployment import ModelReference, SourceText
from modelmatrix.api.weights_source import Scheme, Source, SourceError, parse_source

VALID = {
    "modelscope://Qwen/Qwen3-32B@master": Source(Scheme.MODELSCOPE, "Qwen/Qwen3-32B", "master"),
    "hf://Qwen/Qwen3-32B": Source(Scheme.HUGGING_FACE, "Qwen/Qwen3-32B"),
    "s3://models/qwen/fp8": Source(Scheme.S3, "models/qwen/fp8"),
    "s3://models": Source(Scheme.S3, "models"),
    "obs://models/qwen/v2": Source(Scheme.OBS, "models/qwen/v2"),
    "oci://registry.bank.local:5000/qwen@sha256:0a1b": Source(Scheme.OCI, "registry.bank.local:5000/qwen", "sha256:0a1b"),
    "pvc://weights/qwen2.5-72b": Source(Scheme.PVC, "qwen2.5-72b", claim="weights"),
    "pvc://weights": Source(Scheme.PVC, "", claim="weights"),
    "pvc://weights/通义千问": Source(Scheme.PVC, "通义千问", claim="weights"),
    "hf://Qwen/Qwen3-32B@refs/pr/1": Source(Scheme.HUGGING_FACE, "Qwen/Qwen3-32B", "refs/pr/1"),
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
    "obs://models/qwen@v2": "object stores have no revisions",
    "hf://--allowed-local-media-path=/etc": "may begin with '-'",
    "hf://Qwen/--trust-remote-code": "may begin with '-'",
    "hf://Qwen/Qwen3-32B@--x": "may not begin with '-'",
    "oci://registry/$(HF_TOKEN)": "character that is not allowed",
    "hf://Qwen/Qwen3\x1b]0;owned\a": "character that is not allowed",
    "pvc://weights/a b": "character that is not allowed",
}
WITH_CREDENTIALS = (
    "s3://KEY:VERYSECRET@bucket/qwen",
    "obs://VERYSECRET@bucket",
    "oci://user:VERYSECRET@registry.bank.local/models/qwen",
    "hf://VERYSECRET@Qwen/Qwen3-32B",
    "pvc://user:VERYSECRET@weights/qwen",
)
schemes = st.sampled_from([*Scheme, "https", "", "hf:"])
crd = TypeAdapter(SourceText)
texts = st.builds("{}://{}{}".format, schemes, st.text(max_size=40), st.sampled_from(["", "@main", "@"])) | st.text()


@pytest.mark.parametrize("text", VALID)
def test_valid_sources(text: str) -> None:
    assert parse_source(text) == VALID[text]
    assert crd.validate_python(text) == text  # the pattern of the CRD


@pytest.mark.parametrize("text", INVALID)
def test_invalid_sources_say_what_is_wrong(text: str) -> None:
    with pytest.raises(SourceError, match=INVALID[text]):
        parse_source(text)


@pytest.mark.parametrize("text", WITH_CREDENTIALS)
def test_credentials_are_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(SourceError, match="secretName") as refused:
        parse_source(text)
    assert "VERYSECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "text", [text for text in INVALID if "://--" in text or "@--" in text or "$" in text or "\x1b" in text or " " in text]
)
def test_the_crd_refuses_what_would_be_smuggled(text: str) -> None:
    """Segments beyond the first are for the CEL rule, which the API server evaluates."""
    with pytest.raises(ValidationError):
        crd.validate_python(text)


@pytest.mark.parametrize("name", ["Qwen\x1b]0;owned\a", "Qwen\nReady True", "Qwen\u202e23B", "Qwen\u2028x"])
def test_names_have_no_character_that_moves_a_terminal(name: str) -> None:
    with pytest.raises(ValidationError):
        ModelReference(name=name, source="hf://Qwen/Qwen3-8B")
    with pytest.raises(ValidationError):
        ModelReference(name="Qwen3-8B", source="hf://Qwen/Qwen3-8B", served_name=name)


@pytest.mark.parametrize("name", ["--enable-x", "$(HF_TOKEN)", "qwen-$(HOME)"])
def test_a_served_name_is_an_argument_and_nothing_else(name: str) -> None:
    with pytest.raises(ValidationError):
        ModelReference(name="Qwen3-8B", source="hf://Qwen/Qwen3-8B", served_name=name)


@given(texts)
@example("hf://\x00/\udc80")
def test_nothing_is_raised_but_source_errors(text: str) -> None:
    try:
        source = parse_source(text)
    except SourceError:
        return
    assert source.scheme in Scheme
    assert not any(segment.startswith((".", "-")) for segment in source.location.split("/") if segment)
    assert not source.revision.startswith((".", "-"))
    assert "$" not in text
    assert text.isprintable()


@given(texts)
def test_what_was_parsed_can_be_written_again(text: str) -> None:
    try:
        source = parse_source(text)
    except SourceError:
        return
    path = "/".join(part for part in (source.claim, source.location) if part)
    suffix = f"@{source.revision}" if source.revision else ""
    assert f"{source.scheme}://{path}{suffix}" == text.removesuffix("@" if not source.revision else "")

"""Where weights come from: every scheme, with and without credentials."""

from __future__ import annotations

from typing import Any

import pytest

from rendered import Case, leader, pods, workload

Manifest = dict[str, Any]


def made(source: str, *, secret: str | None = None, engine: str | None = None, quantization: str = "BF16") -> Manifest:
    """A workload of Qwen3-8B from a source."""
    candidate = {"engine": engine} if engine else {}
    spec = {"source": source, "model_secret": secret}
    return workload(Case("weights", "l20-48g", "Qwen3-8B", quantization, candidate=candidate, spec=spec))


def volumes(manifest: Manifest) -> dict[str, Manifest]:
    spec = next(pods(manifest))["spec"]
    return {volume["name"]: {key: value for key, value in volume.items() if key != "name"} for volume in spec["volumes"]}


@pytest.mark.parametrize(
    ("source", "volume", "path"),
    [
        ("pvc://weights/qwen3/8b", {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}, "/models/qwen3/8b"),
        ("pvc://weights", {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}, "/models"),
        (
            "oci://registry.bank.local/models/qwen3@v2",
            {"image": {"reference": "registry.bank.local/models/qwen3:v2", "pullPolicy": "IfNotPresent"}},
            "/models",
        ),
        (
            "oci://registry.bank.local/models/qwen3@sha256:0123",
            {"image": {"reference": "registry.bank.local/models/qwen3@sha256:0123", "pullPolicy": "IfNotPresent"}},
            "/models",
        ),
        ("s3://weights/qwen3-8b", {"emptyDir": {}}, "/models"),
        ("obs://weights/qwen3-8b", {"emptyDir": {}}, "/models"),
    ],
)
def test_weights_on_a_volume(source: str, volume: Manifest, path: str) -> None:
    manifest = made(source)
    assert volumes(manifest)["weights"] == volume
    container = leader(manifest)
    assert container["args"][0] == path
    assert {"name": "weights", "mountPath": "/models", "readOnly": True} in container["volumeMounts"]
    assert {"name": "HF_HUB_OFFLINE", "value": "1"} in container["env"]


@pytest.mark.parametrize(("source", "revision"), [("hf://Qwen/Qwen3-8B", None), ("modelscope://Qwen/Qwen3-8B@v1.0", "v1.0")])
def test_hubs_are_read_by_the_engine(source: str, revision: str | None) -> None:
    manifest = made(source)
    assert "weights" not in volumes(manifest)
    container = leader(manifest)
    assert container["args"][0] == "Qwen/Qwen3-8B"
    assert ("--revision" in container["args"]) is (revision is not None)
    assert revision is None or revision in container["args"]
    assert ({"name": "VLLM_USE_MODELSCOPE", "value": "True"} in container["env"]) is source.startswith("modelscope")


@pytest.mark.parametrize(("source", "provider"), [("s3://weights/qwen3-8b", "Other"), ("obs://weights/qwen3-8b", "HuaweiOBS")])
def test_object_stores_are_copied_first(source: str, provider: str) -> None:
    (copy,) = next(pods(made(source)))["spec"]["initContainers"]
    assert copy["args"][:3] == ["copy", ":s3:weights/qwen3-8b", "/models"]
    assert {"name": "RCLONE_S3_PROVIDER", "value": provider} in copy["env"]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("s3://weights/qwen3/q4_k_m.gguf", "/models/q4_k_m.gguf"),
        ("pvc://weights/qwen3/q4_k_m.gguf", "/models/qwen3/q4_k_m.gguf"),
    ],
)
def test_weights_that_are_one_file_are_named(source: str, path: str) -> None:
    arguments = leader(made(source, quantization="GGUF", engine="llama.cpp"))["args"]
    assert arguments[arguments.index("--model") + 1] == path


@pytest.mark.parametrize("source", ["s3://weights/qwen3-8b", "hf://Qwen/Qwen3-8B", "pvc://weights/qwen3-8b"])
def test_credentials_reach_whoever_reads_the_weights(source: str) -> None:
    spec = next(pods(made(source, secret="weights-reader")))["spec"]  # noqa: S106 - the name of a Secret
    wanted = [{"secretRef": {"name": "weights-reader"}}]
    assert all(container["envFrom"] == wanted for container in (*spec["containers"], *spec.get("initContainers", [])))
    plain = next(pods(made(source)))["spec"]
    assert not any("envFrom" in container for container in (*plain["containers"], *plain.get("initContainers", [])))

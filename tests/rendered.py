"""Manifests as the planner renders them: one deployment on one pool whose nodes are free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from factories import deployment, node, pool, snapshot
from modelmatrix.api.profiles import EngineProfileSpec
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.views import NodeView

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A model on a chip. ``spec``, ``candidate`` and ``pool`` are further fields of the deployment, its candidate, the pool."""

    name: str
    chip: str
    model: str
    quantization: str
    nodes: int = 1
    candidate: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    pool: Mapping[str, Any] = field(default_factory=dict)


R1, TWO = "DeepSeek-R1", {"tensor": 8, "pipeline": 2}
ASCEND_RUNTIME = {"runtimeClassName": "ascend", "schedulerName": "volcano"}
TAINTED = {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]}
BANK_ENGINE = {
    "base": "vLLM-Ascend",
    "images": [{"accelerator": "ascend-910b", "image": "registry.bank.local/vllm-ascend:v0.23.0-bank1"}],
    "arguments": ["--enable-prefix-caching"],
}

# Every engine on every vendor that it runs on, on one node and on several; every SoC of Ascend; every kind of source.
CASES = (
    Case("vllm-nvidia", "h20-96g", "Qwen3-32B", "FP8", pool=TAINTED),
    Case("vllm-nvidia-hub", "a100-80g", "Qwen3-8B", "BF16", spec={"source": "hf://Qwen/Qwen3-8B@main"}),
    Case("vllm-nvidia-embeddings", "l20-48g", "bge-m3", "FP16", spec={"source": "oci://registry.bank.local/models/bge-m3@v1"}),
    Case("vllm-nvidia-vision", "l20-48g", "DeepSeek-VL2", "BF16", candidate={"parallelism": {"tensor": 2}}),
    Case("vllm-nvidia-two-nodes", "h20-96g", R1, "FP8", nodes=2, candidate={"parallelism": TWO}),
    Case(
        "vllm-nvidia-four-nodes-data-parallel",
        "h20-96g",
        R1,
        "BF16",
        nodes=4,
        candidate={"parallelism": {"tensor": 8, "data": 4, "expert": 32}},
        pool={"hostNetwork": True},
    ),
    Case("vllm-ascend-a2", "910b-64g", "Qwen2.5-72B-Instruct", "W8A8", pool=ASCEND_RUNTIME),
    Case("vllm-ascend-a2-host-driver", "910b-64g", "Qwen3-32B", "BF16", pool={"driver": "Host"}),
    Case("vllm-ascend-a2-two-nodes", "910b-64g", R1, "W8A8", nodes=2, pool={"driver": "Host", "hostNetwork": True}),
    Case("vllm-ascend-a3", "a3-die-64g", R1, "W8A8"),
    Case(
        "vllm-ascend-a3-two-nodes-data-parallel",
        "a3-die-64g",
        R1,
        "BF16",
        nodes=2,
        candidate={"parallelism": {"tensor": 8, "data": 4, "expert": 32}},
    ),
    Case("vllm-ascend-310p", "310p3-duo-48g", "Qwen3-32B", "W8A8SC", pool={"driver": "Host"}),
    Case("vllm-ascend-310p-embeddings", "310p3-duo-48g", "bge-m3", "FP16"),
    Case("vllm-ascend-950", "950pr-128g", "Qwen3.5-27B", "W8A8", spec={"source": "obs://weights/qwen3.5-27b-w8a8"}),
    Case("vllm-ascend-a3-custom-code", "a3-die-64g", "Kimi-K2.5", "W4A8"),
    Case("sglang-nvidia", "h20-96g", R1, "W4A8", spec={"source": "s3://weights/r1-w4a8", "model_secret": "weights-reader"}),
    Case("sglang-nvidia-two-nodes", "h20-96g", R1, "FP8", nodes=2, candidate={"engine": "SGLang", "parallelism": TWO}),
    Case("sglang-ascend-a2", "910b-64g", "Qwen3-32B", "W8A8", candidate={"engine": "SGLang"}),
    Case(
        "sglang-ascend-a3-two-nodes",
        "a3-die-64g",
        R1,
        "BF16",
        nodes=2,
        candidate={"engine": "SGLang", "parallelism": {"tensor": 8, "data": 4, "expert": 32}},
    ),
    Case("mindie-a2", "910b-64g", "YiZhao-12B-Chat", "BF16"),
    Case("mindie-310p", "310p3-duo-48g", "Qwen3-14B", "FP16", candidate={"engine": "MindIE"}),
    Case("mindie-a2-two-nodes", "910b-64g", R1, "W8A8", nodes=2, candidate={"engine": "MindIE"}),
    Case("tei-nvidia", "l20-48g", "bge-reranker-v2-m3", "FP16", candidate={"engine": "TEI"}),
    Case(
        "llama-cpp-nvidia",
        "l20-48g",
        "Qwen3-8B",
        "GGUF",
        candidate={"engine": "llama.cpp"},
        spec={"source": "s3://weights/qwen3-8b/qwen3-8b-q4_k_m.gguf"},
    ),
    Case("bank-engine-a2", "910b-64g", "Qwen3-8B", "BF16", candidate={"engine": "bank-vllm"}),
)


def workload(case: Case) -> Manifest:
    """The workload of a case."""
    return next(item for item in manifests(case) if item["kind"] != "Service")


def manifests(case: Case) -> list[Manifest]:
    """All manifests of a case."""
    view = pool(name="pool-a", accelerator=case.chip, **case.pool)
    fields = dict(case.spec)
    secret = fields.pop("model_secret", None)
    spec_fields: dict[str, Any] = {"pools": [{"name": "pool-a", **case.candidate}], "tenant": "remote-banking", **fields}
    made = deployment(
        name="assistant", model=case.model, quantization=case.quantization, secret=secret, costCenter="8800", **spec_fields
    )
    state = snapshot(
        deployments=(made,),
        pools=(view,),
        nodes=tuple(_nodes(case)),
        catalogue=catalogue(),
        runtime_classes=frozenset({"ascend"}),
    )
    found = plan(state)
    created = [action.manifest for action in found.actions if isinstance(action, Create)]
    assert created, next(iter(found.statuses.values()))["candidates"]
    return created


def catalogue() -> Catalogue:
    """The built-in catalogue and an engine image of a bank's own."""
    return builtin().extended({}, {"bank-vllm": EngineProfileSpec.model_validate(BANK_ENGINE)})


def pods(manifest: Manifest) -> Iterator[Manifest]:
    """Pod templates of a workload: one, or the leader's and the worker's."""
    if manifest["kind"] == "LeaderWorkerSet":
        template = manifest["spec"]["leaderWorkerTemplate"]
        yield template["leaderTemplate"]
        yield template["workerTemplate"]
    else:
        yield manifest["spec"]["template"]


def leader(manifest: Manifest) -> Manifest:
    """The engine's container in the pod that serves."""
    container: Manifest = next(pods(manifest))["spec"]["containers"][0]
    return container


def _nodes(case: Case) -> Iterator[NodeView]:
    chip = builtin().accelerators[case.chip]
    for index in range(case.nodes):
        yield node(name=f"n{index}", pool="pool-a", devices=chip.devices_per_node, resource=chip.resources[0])

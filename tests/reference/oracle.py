"""The published deployments as questions to the planner, and the rules of peers as functions. No verdicts of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from modelmatrix.api.model_deployment import Parallelism, Quantization, UnlistedPolicy
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.device_memory import GIB, ModelFootprint, kv_cache_bytes, total_weight_bytes
from modelmatrix.planning.feasibility.fit import FitRequest, FitResult, fit

FILE = Path(__file__).parent / "reference_deployments.yaml"
NIGHTLY = Path(__file__).parent / "nightly_deployments.yaml"
NOMINAL_GIGABYTES = {"910b-64g": 64, "a3-die-64g": 64, "310p3-duo-48g": 48, "950dt-96g": 96}
SHORT_LENGTH = 4096  # where no length is published
QUANTIZATIONS = {"bf16": "BF16", "fp16": "FP16", "fp8": "FP8", "fp8-block": "FP8", "w8a8-int8": "W8A8", "w8a8sc": "W8A8SC"}
QUANTIZATIONS |= {"w4a8": "W4A8", "w4a16-awq": "AWQ", "mxfp4": "MXFP4"}
ENGINES = {"vllm": "vLLM", "sglang": "SGLang", "vllm-ascend": "vLLM-Ascend", "vllm (ascend)": "vLLM-Ascend", "mindie": "MindIE"}
BITS = {"BF16": 2.0, "FP16": 2.0, "FP8": 1.0, "W8A8": 1.0, "W8A8SC": 1.0, "W4A8": 0.5, "AWQ": 0.5, "MXFP4": 0.5, "INT4": 0.5}

# Vendors name what memory cannot explain: these infeasible rows fail for what engine, chip or cut cannot do.
CAPABILITY = ("ref-072", "ref-081", "ref-252")

# Published as failing, accepted by the planner. Each is a reserve of the engine that the closed form does not model.
MISSES = {
    "ref-247": "TP1 DP8 at 163,840 tokens: the buffers of data-parallel dispatch and of the sparse indexer are not modelled",
    "ref-250": "262,144 tokens of a 480B model: the activation reserve of long prompts is not modelled",
    "ref-254": "fails with --chunked-prefill-size 16384 only, which is an argument that we do not give",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One published configuration. ``tensor`` is 0 where the cut is not published."""

    id: str
    model: str
    known_as: str
    quantization: Quantization
    accelerator: str
    nominal_gigabytes: float
    devices_per_node: int
    nodes: int
    tensor: int
    pipeline: int
    data: int
    expert: bool
    max_model_len: int
    engine: str | None
    kind: str
    evidence: str

    @property
    def devices(self) -> int:
        """Devices of the published configuration."""
        return self.devices_per_node * self.nodes

    @property
    def usable_as_oracle(self) -> bool:
        """Whether model and chip are in the catalogue, and the row is neither a claim nor disputed."""
        known = builtin().model(self.known_as) is not None and builtin().accelerator(self.accelerator) is not None
        return known and self.kind != "claim" and self.evidence != "contradictory"


def read_rows() -> list[Row]:
    """All rows of the file."""
    return [_row(item) for item in yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]]


def _row(item: dict[str, Any]) -> Row:
    engine = item["engine"].partition("/")[0]
    return Row(
        id=item["id"],
        model=item["model"],
        known_as=(item["arch_ref"] or "").partition(" ")[0],
        quantization=Quantization(QUANTIZATIONS[item["quant"]]),
        accelerator=item["accelerator"],
        nominal_gigabytes=item["memory_gb_per_device"],
        devices_per_node=item["devices_per_node"],
        nodes=item["nodes"],
        tensor=item.get("tp") or 0,
        pipeline=item["pp"],
        data=item["dp"],
        expert=item["ep"],
        max_model_len=item.get("max_model_len") or SHORT_LENGTH,
        engine=None if engine == "any" else ENGINES.get(engine, engine),
        kind=item["kind"],
        evidence=item["evidence"],
    )


def read_nightly_rows() -> list[Row]:
    """Rows that were collected after the rules were made."""
    items = yaml.safe_load(NIGHTLY.read_text(encoding="utf-8"))["deployments"]
    return [
        Row(
            **{key: value for key, value in item.items() if key not in ("source", "quantization")},
            quantization=Quantization(item["quantization"]),
            nominal_gigabytes=NOMINAL_GIGABYTES[item["accelerator"]],
            pipeline=1,
            engine="vLLM-Ascend",
            kind="serve",
            evidence="ci",
        )
        for item in items
    ]


def ask(row: Row, *, automatic: bool = False) -> FitResult:
    """The planner's verdict on a row: with the published cut, or with a cut of its own on the row's devices."""
    ranks = row.tensor * row.data
    cut = None if automatic or not row.tensor else (row.tensor, row.pipeline, row.data, ranks if row.expert else 1)
    model = builtin().model(row.known_as)
    assert model is not None
    question = FitRequest(
        model=model,
        quantization=row.quantization,
        scheme=Scheme.PVC,
        engine=row.engine,
        parallelism=cut,
        max_model_len=row.max_model_len,
        unlisted=UnlistedPolicy.REFUSE,
        accelerator=builtin().accelerators[row.accelerator],
        devices_per_node=row.devices_per_node,
        nodes=row.nodes,
    )
    return fit(builtin(), question)


def one_size_down(row: Row) -> Row | None:
    """The row on half of its devices, which is the next size that vendors publish; ``None`` below one device."""
    if row.devices == 1:
        return None
    if row.nodes > 1:
        return replace(row, nodes=row.nodes // 2)
    return replace(row, devices_per_node=row.devices_per_node // 2)


# Rules of peers, from their source. Each takes what it is asked in its own terms: the devices of a row, not their cut.


def recipes_rule(row: Row) -> bool:
    """vLLM recipes (command-synthesis.js): parameters x bytes x 1.2 against nominal memory."""
    parameters = _load(row).model.parameters.total
    return parameters * BITS[row.quantization] * 1.2 <= row.nominal_gigabytes * 1e9 * row.devices


def gpustack_rule(row: Row) -> bool:
    """GPUStack (gpustack/policies/utils.py): weights x 1.2 + 2 GiB against 90 % of the memory."""
    return total_weight_bytes(_load(row)) * 1.2 + 2 * GIB <= 0.9 * _usable_gibibytes(row) * GIB * row.devices


def kaito_rule(row: Row) -> bool:
    """KAITO (pkg/workspace/estimator/nodesestimator): weights x 1.02, 84 % of memory less 2.3 GiB and KV, 5 % in reserve."""
    load = _load(row)
    kv_gibibytes = kv_cache_bytes(load.model, row.max_model_len, Parallelism()) / GIB
    free = _usable_gibibytes(row) * 0.84 - (2.3 + kv_gibibytes / row.devices)
    if free <= 0:
        return False
    weights = total_weight_bytes(load) / GIB * 1.02
    return math.floor(weights / (free / 1.05)) + 1 <= row.devices


def ours(row: Row) -> bool:
    """This planner, with the published cut."""
    return ask(row).layout is not None


def ours_automatic(row: Row) -> bool:
    """This planner, with a cut of its own."""
    return ask(row, automatic=True).layout is not None


def _load(row: Row) -> ModelFootprint:
    known = builtin().model(row.known_as)
    assert known is not None
    return ModelFootprint(known.facts, builtin().compatibility.formats[row.quantization], row.max_model_len)


def _usable_gibibytes(row: Row) -> float:
    return builtin().accelerators[row.accelerator].usable_gibibytes

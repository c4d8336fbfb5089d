"""Variables that engine data may use, and the conditions on them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.metrics import Histograms
from modelmatrix.catalogue.models import Model
from modelmatrix.planning.rendering.workload_target import WorkloadTarget

MODELS_PATH = "/models"
CACHE_PATH = "/cache"
SINGLE_FILE = ".gguf"  # the only format whose weights are one file; the others are folders


def variables(target: WorkloadTarget, role: str) -> dict[str, str]:
    """Every variable as text, by name. Truth values are ``true`` and ``false``."""
    engine = target.engine
    return {
        **_facts(target.model.facts, target.accelerator),
        **_parallelism(target),
        **_histograms(target.histograms),
        "role": role,
        "model": model_location(target),
        "served_name": target.served_name,
        "scheme": target.source.scheme,
        "revision": target.source.revision,
        "revised": _truth(bool(target.source.revision) and is_repository(target.source.scheme)),
        "quantization": target.quantization,
        "max_model_len": str(target.max_model_len),
        "api_key": _truth(target.api_key is not None),
        "memory_utilization": f"{engine.memory.utilization:g}",
        "drain_seconds": str(engine.drain.seconds),
        "host_network": _truth(target.pool_spec.host_network),
    }


def is_repository(scheme: Scheme) -> bool:
    """Whether the engine itself downloads from the store."""
    return scheme in (Scheme.HUGGING_FACE, Scheme.MODELSCOPE)


def model_location(target: WorkloadTarget) -> str:
    """The model that the engine loads: a repository, or a path below the mounted weights."""
    source = target.source
    if is_repository(source.scheme):
        return source.location
    if source.scheme is Scheme.PVC and source.location:
        return f"{MODELS_PATH}/{source.location}"
    name = source.location.rpartition("/")[2]
    is_file = source.scheme in (Scheme.S3, Scheme.OBS) and name.endswith(SINGLE_FILE)
    return f"{MODELS_PATH}/{name}" if is_file else MODELS_PATH


def substitute(text: str, values: dict[str, str]) -> str:
    """Text with its ``{variables}`` replaced."""
    return text.format_map(values)


def substitute_tree(content: Any, values: dict[str, str]) -> Any:
    """A tree of lists and maps with the variables of its texts replaced; what reads as JSON becomes its value."""
    if isinstance(content, dict):
        return {key: substitute_tree(inner, values) for key, inner in content.items()}
    if isinstance(content, list):
        return [substitute_tree(inner, values) for inner in content]
    if isinstance(content, str) and content.startswith("{") and content.endswith("}"):
        return _typed(content[1:-1], values)
    return content


def _typed(name: str, values: dict[str, str]) -> Any:
    text = values[name]
    if name in ("model", "served_name"):  # names stay text even when they look like numbers
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _facts(model: Model, accelerator: Accelerator) -> dict[str, str]:
    return {
        "task": model.task,
        "architecture": model.architecture,
        "custom_code": _truth(model.custom_code),
        "family": accelerator.family,
        "vendor": accelerator.vendor,
    }


def _parallelism(target: WorkloadTarget) -> dict[str, str]:
    layout, parallelism = target.layout, target.layout.parallelism
    multi_node = layout.nodes > 1
    return {
        "tensor": str(parallelism.tensor),
        "pipeline": str(parallelism.pipeline),
        "data": str(parallelism.data),
        "expert": str(parallelism.expert),
        "ranks_per_stage": str(parallelism.tensor * parallelism.data),
        "devices": str(layout.devices),
        "device_ids": json.dumps(list(range(layout.devices_per_node))),
        "nodes": str(layout.nodes),
        "multi_node": _truth(multi_node),
        "pipelined": _truth(parallelism.pipeline > 1),
        "data_parallel": _truth(parallelism.data > 1),
        "expert_parallel": _truth(parallelism.expert > 1),
        "collective": _truth(layout.devices > 1),
    }


@lru_cache(maxsize=8)  # a value of the catalogue as text: one catalogue has one, and every rendered pod uses it
def _histograms(histograms: Histograms) -> dict[str, str]:
    families = histograms.model_dump(by_alias=False)
    texts = {f"{name}_buckets": " ".join(f"{bound:g}" for bound in bounds) for name, bounds in families.items()}
    return {**texts, "histogram_buckets": json.dumps(families, separators=(",", ":"))}


def _truth(value: bool) -> str:  # noqa: FBT001 - a conversion has one argument
    return "true" if value else "false"

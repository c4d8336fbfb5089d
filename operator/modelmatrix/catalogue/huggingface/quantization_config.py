"""Maps the ``quantization_config`` and the data type of a config.json to a quantization format. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmatrix.api.model_deployment import Quantization

_METHODS = {
    "fp8": Quantization.FP8,
    "fbgemm_fp8": Quantization.FP8,
    "awq": Quantization.AWQ,
    "gptq": Quantization.GPTQ,
    "mxfp4": Quantization.MXFP4,
    "modelopt": Quantization.NVFP4,
    "ascend": Quantization.W8A8,
    "gguf": Quantization.GGUF,
}
# compressed-tensors by number type and bits of the weights, and by whether activations are quantized too.
_COMPRESSED: dict[tuple[str, str, bool], Quantization] = {
    ("float", "8", True): Quantization.FP8,
    ("float", "8", False): Quantization.FP8,
    ("int", "8", True): Quantization.W8A8,
    ("int", "8", False): Quantization.W8A16,
    ("int", "4", True): Quantization.W4A8,
    ("int", "4", False): Quantization.W4A16,
    ("float", "4", True): Quantization.NVFP4,
    ("float", "4", False): Quantization.NVFP4,
}
_GROUP_OF_INT4 = 32
_TYPES = {"bfloat16": Quantization.BF16, "float16": Quantization.FP16, "float32": Quantization.FP16}


def published_format(quantization: Any, *parts: Mapping[str, Any]) -> Quantization | None:
    """The format; ``None`` for an unknown method. Without a method the first data type in ``parts`` counts."""
    if not isinstance(quantization, Mapping):
        names = (str(part.get(key)) for part in parts for key in ("torch_dtype", "dtype"))
        return next((_TYPES[name] for name in names if name in _TYPES), Quantization.BF16)
    method = quantization.get("quant_method")
    if method == "compressed-tensors":
        return _compressed(quantization)
    return _METHODS.get(str(method))


def _compressed(quantization: Mapping[str, Any]) -> Quantization | None:
    groups = quantization.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = first.get("weights") if isinstance(first, Mapping) else None
    if not isinstance(weights, Mapping):
        return None
    activated = isinstance(first, Mapping) and first.get("input_activations") is not None
    weight_format = _COMPRESSED.get((str(weights.get("type")), str(weights.get("num_bits")), activated))
    small_groups = weight_format is Quantization.W4A16 and weights.get("group_size") == _GROUP_OF_INT4
    return Quantization.INT4 if small_groups else weight_format

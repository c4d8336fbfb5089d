"""The timing of an engine that has not been measured yet: a roofline from the facts of model and accelerator.

A step reads the weights once and launches the kernels of every layer (``alpha``), reads the KV cache of the running requests
(``gamma``) and computes prompt tokens (``beta``):

    alpha = active weight bytes / (bandwidth * ranks) + layers * launch seconds
    beta  = 2 * active parameters / (compute * ranks)
    gamma = cache bytes of a token / (bandwidth * ranks)

Bandwidth and compute are the peaks at the shares that engines reach (``BANDWIDTH_SHARE``, ``COMPUTE_SHARE``). Pure.
"""

from __future__ import annotations

from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.catalogue.accelerators import Accelerator, Teraflops
from modelmatrix.catalogue.models import Model
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming

BANDWIDTH_SHARE = 0.8  # of the peak; as in public performance models of the same engines
COMPUTE_SHARE = 0.5  # of the dense peak
MAX_NUM_SEQS = 256  # requests that an engine runs at once by default
SIXTEEN_BIT = 2
FALLBACK_TERAFLOPS = 100.0  # for accelerators without a published figure
FALLBACK_BANDWIDTH = 800.0  # 10^9 bytes per second, likewise


def prior_timing(
    model: Model, weight_bytes: float, parallelism: Parallelism, accelerator: Accelerator, *, eight_bit: bool
) -> EngineTiming:
    """Step time of one replica. ``weight_bytes`` are those of the whole model; ``eight_bit``: it computes in 8 bit.

    Pipeline stages work one after the other for a token, so only tensor ranks shorten a step.
    """
    bandwidth = (accelerator.bandwidth_gigabytes_per_second or FALLBACK_BANDWIDTH) * 1e9 * BANDWIDTH_SHARE
    ranks = parallelism.tensor * parallelism.data
    active = _active_share(model)
    alpha = weight_bytes * active / (bandwidth * ranks) + model.layers * accelerator.launch_seconds_per_layer
    flops = _teraflops(accelerator.teraflops, eight_bit=eight_bit) * 1e12 * COMPUTE_SHARE
    beta = 2 * (model.parameters.active or model.parameters.total) / (flops * ranks)
    return EngineTiming(alpha, beta, kv_bytes_per_token(model) / (bandwidth * ranks))


def prior_limits(model: Model, free_bytes_per_device: float, kv_bytes_per_device_token: float, data: int) -> EngineLimits:
    """Limits of one replica: KV tokens of all its data-parallel ranks, and requests that run at once."""
    if model.key_value_layers == 0 or kv_bytes_per_device_token <= 0:
        return EngineLimits(max_num_seqs=MAX_NUM_SEQS, kv_tokens=MAX_NUM_SEQS * model.max_position_embeddings)
    tokens = int(max(0.0, free_bytes_per_device) / kv_bytes_per_device_token) * data
    return EngineLimits(max_num_seqs=MAX_NUM_SEQS * data, kv_tokens=tokens)


def kv_bytes_per_token(model: Model) -> float:
    """Bytes of the key-value cache for one token of one request, over all layers and ranks, at 16 bit."""
    layers = model.layers if model.key_value_layers is None else model.key_value_layers
    latent = model.latent_attention
    if latent is not None:
        return layers * (latent.key_value_lora_rank + latent.rope_head_dim) * SIXTEEN_BIT
    return 2 * layers * model.key_value_heads * model.head_dim * SIXTEEN_BIT


def _active_share(model: Model) -> float:
    """Share of the weights that a decode step of sixteen requests reads: 1 for a dense model.

    Of ``n`` experts, of which a token uses ``k``, sixteen tokens use the share ``1 - (1 - k / n) ** 16`` on average.
    """
    experts = model.experts
    if experts is None or not model.parameters.routed_experts:
        return 1.0
    touched = 1 - (1 - experts.active / experts.count) ** 16
    routed = model.parameters.routed_experts / model.parameters.total
    return 1 - routed + routed * touched


def _teraflops(peak: Teraflops, *, eight_bit: bool) -> float:
    if eight_bit:
        return peak.fp8 or peak.int8 or peak.bf16 or peak.fp16 or FALLBACK_TERAFLOPS
    return peak.bf16 or peak.fp16 or FALLBACK_TERAFLOPS

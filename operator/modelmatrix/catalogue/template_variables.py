"""Template variables that engine files may use in arguments, values and conditions.

``planning.rendering`` gives each of them a text for every pod. A variable that is not here is refused when the catalogue is
loaded: in a condition it would silently never hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.api.profiles import Task
from modelmatrix.api.weights_source import Scheme

_TRUTH = ("false", "true")

# The values that a variable can have; empty where the values are not a closed list.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    # What is served.
    "model": (),  # what the engine loads: a repository, or a path in the container
    "served_name": (),  # the name that clients send
    "architecture": (),
    "task": tuple(Task),
    "quantization": tuple(Quantization),
    "scheme": tuple(Scheme),
    "revision": (),
    "revised": _TRUTH,  # the engine downloads a revision that the source names
    "custom_code": _TRUTH,
    "max_model_len": (),  # tokens
    # Where.
    "vendor": (),  # checked against the vendors of the catalogue
    "family": (),  # checked against its families
    "host_network": _TRUTH,
    # How it is cut.
    "role": ("leader", "worker"),
    "tensor": (),
    "pipeline": (),
    "data": (),
    "expert": (),
    "ranks_per_stage": (),  # tensor times data
    "devices": (),  # of the replica
    "device_ids": (),  # JSON list of the devices of a pod, from 0
    "nodes": (),
    "multi_node": _TRUTH,
    "pipelined": _TRUTH,
    "data_parallel": _TRUTH,
    "expert_parallel": _TRUTH,
    "collective": _TRUTH,  # several devices
    # What the engine file itself and the histograms say.
    "memory_utilization": (),
    "drain_seconds": (),
    "histogram_buckets": (),  # JSON of all three histograms
    "time_to_first_token_buckets": (),  # seconds, with blanks between them
    "inter_token_latency_buckets": (),
    "request_latency_buckets": (),
}

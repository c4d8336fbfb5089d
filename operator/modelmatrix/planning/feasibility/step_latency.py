"""How fast a replica can be when it serves one request alone, against the bounds of an SLO. Pure.

A token needs all weights that it uses to be read from memory once. At full bandwidth that is a floor, which refutes a
bound; at the share of it that engines reach, and with their launches, it is an estimate, which chooses between layouts.
"""

from __future__ import annotations

from typing import NamedTuple

from modelmatrix.api.model_deployment import Parallelism, ServiceLevelObjective
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.engines import Engine
from modelmatrix.performance.roofline import BANDWIDTH_SHARE
from modelmatrix.planning.feasibility.device_memory import GIB, SIXTEEN_BIT, ModelFootprint, replicated_and_divided


class TightestSlo(NamedTuple):
    """The tightest bound of an SLO: no answer has a first token, or a token after it, faster than a step."""

    name: str
    milliseconds: int


class StepLatency(NamedTuple):
    """Seconds of one step of a replica that serves one request, and the GiB of weights that every device reads for it."""

    floor_seconds: float
    estimate_seconds: float
    gibibytes: float


def tightest_bound(slo: ServiceLevelObjective | None) -> TightestSlo | None:
    """The smallest of the bounds; ``None`` without an SLO."""
    if slo is None:
        return None
    given = {
        "ttftMilliseconds": slo.ttft_milliseconds,
        "tpotMilliseconds": slo.tpot_milliseconds,
        "e2eMilliseconds": slo.e2e_milliseconds,
    }
    bounds = (TightestSlo(name, value) for name, value in given.items() if value)
    return min(bounds, key=lambda bound: bound.milliseconds, default=None)


def step_latency(
    load: ModelFootprint, parallelism: Parallelism, accelerator: Accelerator, engine: Engine
) -> StepLatency | None:
    """The latency of one step; ``None`` where it is not known.

    It is not known for accelerators without a published bandwidth, nor for engines of an EngineProfile: their arguments may
    enable speculative decoding, which gives several tokens a step.
    """
    bandwidth = accelerator.bandwidth_gigabytes_per_second * 1e9
    if not bandwidth or not engine.built_in:
        return None
    read = bytes_read_per_token(load, parallelism)
    floor = read / bandwidth
    launches = load.model.layers * accelerator.launch_seconds_per_layer
    return StepLatency(floor, floor / BANDWIDTH_SHARE + launches, read / GIB)


def bytes_read_per_token(load: ModelFootprint, parallelism: Parallelism) -> float:
    """Bytes of weights that one token reads on one device of every stage.

    A token passes the stages one after the other, so stages shorten nothing. Of the experts it reads its own ones, at best
    spread evenly; of the embedding one row; of the vision tower nothing.
    """
    model, form = load.model, load.format
    experts = model.experts
    routed = model.parameters.routed_experts * (experts.active / experts.count if experts else 0)
    replicated, divided = replicated_and_divided(model)
    output = 0 if model.key_value_layers == 0 else model.vocabulary_size * model.hidden_size
    return (
        routed * form.experts / (parallelism.tensor * parallelism.data)
        + divided * form.linear / parallelism.tensor
        + replicated * form.linear
        + output * SIXTEEN_BIT / parallelism.tensor
    )

"""Judging one model on one pool: engine, layout and memory, before any thought about free devices. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelmatrix.api.model_deployment import Parallelism, PoolCandidate, Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.catalogue import Catalogue, KnownModel
from modelmatrix.catalogue.engines import Engine
from modelmatrix.planning.feasibility.compatibility import ModelWeights, PoolHardware, choose_engine
from modelmatrix.planning.feasibility.device_memory import ModelFootprint, total_weight_bytes
from modelmatrix.planning.feasibility.layout_checks import Hardware
from modelmatrix.planning.feasibility.layout_choice import (
    LayoutRequest,
    check_layout,
    choose_layout,
    context_too_long,
    describe_memory,
    latency_note,
    pluralize,
)
from modelmatrix.planning.feasibility.layouts import MAX_NODES, Layout
from modelmatrix.planning.feasibility.pool_performance import ReplicaPerformance, replica_performance
from modelmatrix.planning.feasibility.step_latency import TightestSlo
from modelmatrix.planning.feasibility.verdict import Rejection, Verdict


@dataclass(frozen=True, slots=True)
class FitRequest:
    """Everything that the verdict depends on beside the catalogue; equal requests have equal results.

    ``nodes`` are the most that a replica may have: how many there are now is a question of devices, not of the verdict.
    ``images`` are the engines for which the pool names an image of its own. ``max_model_len`` is ``None`` for the model's
    serving default, ``engine`` for the preferred one. ``keyed`` and ``measured`` are as of ``ModelWeights``.
    """

    model: KnownModel = field(hash=False)
    quantization: Quantization
    scheme: Scheme
    engine: str | None
    parallelism: tuple[int, int, int, int] | None
    max_model_len: int | None
    unlisted: UnlistedPolicy
    accelerator: Accelerator = field(hash=False)
    devices_per_node: int
    nodes: int = MAX_NODES
    bound: TightestSlo | None = None
    images: frozenset[str] = frozenset()
    keyed: bool = False
    measured: bool = False


@dataclass(frozen=True, slots=True)
class FitResult:
    """A verdict. What follows ``engine`` is set when the model fits.

    ``engine`` is a name, that of the request where no engine was chosen; ``image`` is the catalogue's image of the engine.
    ``start_seconds`` is how long a replica is expected to take from its creation until it serves.
    """

    verdict: Verdict
    reason: Reason
    message: str
    engine: str
    model: KnownModel | None = None
    accelerator: Accelerator | None = None
    engine_facts: Engine | None = None
    image: str = ""
    layout: Layout | None = None
    performance: ReplicaPerformance | None = None
    max_model_len: int = 0
    start_seconds: float = 0.0


def fit(catalogue: Catalogue, request: FitRequest) -> FitResult:
    """Judge a model on an accelerator."""
    model, accelerator = request.model.facts, request.accelerator
    weights = ModelWeights(model, request.quantization, request.scheme, request.keyed, request.measured)
    hardware = PoolHardware(accelerator, request.images)
    engine = choose_engine(catalogue, weights, hardware, requested=request.engine, unlisted=request.unlisted)
    if isinstance(engine, Rejection):
        return _rejected(engine, engine.engine)
    max_model_len = request.max_model_len or model.default_max_model_len
    load = ModelFootprint(model, catalogue.compatibility.formats[request.quantization], max_model_len)
    nodes = Hardware(accelerator, request.devices_per_node, request.nodes)
    order = LayoutRequest(load, request.quantization, request.bound, nodes, engine)
    layout = context_too_long(load) or _choose(order, request.parallelism)
    if isinstance(layout, Rejection):
        return _rejected(layout, engine.name)
    return FitResult(
        Verdict.FITS,
        Reason.PLACED,
        _description(layout, order),
        engine.name,
        model=request.model,
        accelerator=accelerator,
        engine_facts=engine,
        image=engine.image_for(accelerator) or "",
        layout=layout,
        performance=replica_performance(load, request.quantization, accelerator, layout),
        max_model_len=max_model_len,
        start_seconds=expected_start_seconds(load),
    )


def _rejected(rejection: Rejection, engine: str) -> FitResult:
    return FitResult(rejection.verdict, rejection.reason, rejection.message, engine)


def _choose(order: LayoutRequest, given: tuple[int, int, int, int] | None) -> Layout | Rejection:
    if given is None:
        return choose_layout(order)
    tensor, pipeline, data, expert = given
    return check_layout(order, Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=expert))


def expected_start_seconds(load: ModelFootprint) -> float:
    """Time from the creation of a pod until it serves, before any start was seen.

    A straight line through published starts: 90 s for 61 GiB on a shared file system, 11 to 16 minutes for 650 to 820 GiB
    on node-local disks; a fixed part for the image, the process and graph capture.
    """
    return 90 + 1.25 * total_weight_bytes(load) / 2**30


def _description(layout: Layout, order: LayoutRequest) -> str:
    parallelism, load = layout.parallelism, order.load
    parts = [f"TP{parallelism.tensor}"]
    parts += [f"PP{parallelism.pipeline}"] if parallelism.pipeline > 1 else []
    parts += [f"DP{parallelism.data}"] if parallelism.data > 1 else []
    parts += [f"EP{parallelism.expert}"] if parallelism.expert > 1 else []
    where = f"{pluralize(layout.devices, 'device')} on {pluralize(layout.nodes, 'node')}"
    memory = layout.memory
    used = f"{memory.needed_gibibytes:.1f} of {memory.budget_gibibytes:.1f} GiB a device ({describe_memory(memory)})"
    longest = load.model.max_position_embeddings
    scaled = (
        ""
        if load.max_model_len <= longest
        else f"; above the {longest} tokens that the model was trained for, so its config.json must scale RoPE"
    )
    return f"{' '.join(parts)}: {where}, {used}{scaled}{latency_note(order, layout)}"


def parallelism_of(candidate: PoolCandidate) -> tuple[int, int, int, int] | None:
    """The parallelism in the spec: tensor, pipeline, data, expert; ``None`` when it is left to the planner."""
    given = candidate.parallelism
    return None if given is None else (given.tensor, given.pipeline, given.data, given.expert)

"""Judging one model on one pool: engine, layout and memory, before any thought about free devices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from modelmatrix.api.model_deployment import Parallelism, PoolCandidate, Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.planning.feasibility.compatibility import ModelWeights, PoolHardware, choose_engine
from modelmatrix.planning.feasibility.device_memory import ModelFootprint, total_weight_bytes
from modelmatrix.planning.feasibility.layout_choice import (
    LayoutRequest,
    check_layout,
    choose_layout,
    context_too_long,
    describe_memory,
    latency_note,
    pluralize,
)
from modelmatrix.planning.feasibility.layouts import MAX_NODES, Hardware, Layout
from modelmatrix.planning.feasibility.step_latency import TightestSlo
from modelmatrix.planning.feasibility.verdict import Rejection, Verdict


@dataclass(frozen=True, slots=True)
class FitRequest:
    """Everything that the verdict depends on, by name, so that equal questions are answered once.

    ``nodes`` are the most that a replica may have: how many there are now is a question of devices, not of the verdict.
    ``images`` are the engines for which the pool names an image of its own.
    """

    model: str
    quantization: Quantization
    scheme: Scheme
    engine: str | None
    parallelism: tuple[int, int, int, int] | None
    max_model_len: int | None
    unlisted: UnlistedPolicy
    accelerator: str
    devices_per_node: int
    nodes: int = MAX_NODES
    bound: TightestSlo | None = None
    images: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FitResult:
    """A verdict. ``layout`` is set when it fits; ``image`` is the catalogue's image of the engine.

    ``start_seconds`` is how long a replica is expected to take from its creation until it serves.
    """

    verdict: Verdict
    reason: Reason
    message: str
    engine: str
    image: str = ""
    layout: Layout | None = None
    max_model_len: int = 0
    start_seconds: float = 0.0


@lru_cache(maxsize=4096)
def fit(catalogue: Catalogue, question: FitRequest) -> FitResult:
    """Judge a question. Known: the model and the accelerator are in the catalogue."""
    known = catalogue.model(question.model)
    accelerator = catalogue.accelerator(question.accelerator)
    if known is None or accelerator is None:  # the caller has said so already, in better words
        return FitResult(Verdict.IMPOSSIBLE, Reason.MODEL_UNKNOWN, "unknown model or accelerator", question.engine or "")
    weights = ModelWeights(known.facts, question.quantization, question.scheme)
    place = PoolHardware(accelerator, question.images)
    engine = choose_engine(catalogue, weights, place, wanted=question.engine, unlisted=question.unlisted)
    if isinstance(engine, Rejection):
        return _refused(engine, engine.engine)
    max_model_len = question.max_model_len or known.facts.default_max_model_len
    hardware = Hardware(accelerator, question.devices_per_node, question.nodes)
    load = ModelFootprint(known.facts, catalogue.compatibility.formats[question.quantization], max_model_len)
    order = LayoutRequest(load, question.quantization, question.bound, hardware, engine)
    found = context_too_long(load) or _lay_out(order, question.parallelism)
    if isinstance(found, Rejection):
        return _refused(found, engine.name)
    return FitResult(
        Verdict.FITS,
        Reason.PLACED,
        _description(found, order),
        engine.name,
        image=engine.image_for(accelerator) or "",
        layout=found,
        max_model_len=max_model_len,
        start_seconds=expected_start_seconds(load),
    )


def _refused(refusal: Rejection, engine: str) -> FitResult:
    return FitResult(refusal.verdict, refusal.reason, refusal.message, engine)


def _lay_out(order: LayoutRequest, given: tuple[int, int, int, int] | None) -> Layout | Rejection:
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
    cut, load = layout.parallelism, order.load
    parts = [f"TP{cut.tensor}"]
    parts += [f"PP{cut.pipeline}"] if cut.pipeline > 1 else []
    parts += [f"DP{cut.data}"] if cut.data > 1 else []
    parts += [f"EP{cut.expert}"] if cut.expert > 1 else []
    where = f"{pluralize(layout.devices, 'device')} on {pluralize(layout.nodes, 'node')}"
    memory = layout.memory
    used = f"{memory.needed_gibibytes:.1f} of {memory.budget_gibibytes:.1f} GiB a device ({describe_memory(memory)})"
    made_for = load.model.max_position_embeddings
    scaled = (
        ""
        if load.max_model_len <= made_for
        else f"; above the {made_for} tokens that the model was made for, so its config.json must scale RoPE"
    )
    return f"{' '.join(parts)}: {where}, {used}{scaled}{latency_note(order, layout)}"


def parallelism_of(candidate: PoolCandidate) -> tuple[int, int, int, int] | None:
    """The cut that the user gave, as a value that can be compared."""
    given = candidate.parallelism
    return None if given is None else (given.tensor, given.pipeline, given.data, given.expert)

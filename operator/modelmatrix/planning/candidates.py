"""Judging one model on one pool: engine, layout and memory, before any thought about free devices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from modelmatrix.api.model_deployment import Parallelism, PoolCandidate, Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.source import Scheme
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.facts import Engine
from modelmatrix.planning.compatibility import Weights, choose_engine
from modelmatrix.planning.layout import Hardware, Layout, find_layout, illegality, lay_out
from modelmatrix.planning.memory import Load, MemoryNeed, total_weight_bytes
from modelmatrix.planning.verdicts import Refusal, Verdict, impossible


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the verdict depends on, by name, so that equal questions are answered once."""

    model: str
    quantization: Quantization
    scheme: Scheme
    engine: str | None
    parallelism: tuple[int, int, int, int] | None
    max_model_len: int | None
    unlisted: UnlistedPolicy
    accelerator: str
    devices_per_node: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Answer:
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
def answer(catalogue: Catalogue, question: Question) -> Answer:
    """Judge a question. Known: the model and the accelerator are in the catalogue."""
    known = catalogue.model(question.model)
    accelerator = catalogue.accelerator(question.accelerator)
    if known is None or accelerator is None:  # the caller has said so already, in better words
        return Answer(Verdict.IMPOSSIBLE, Reason.MODEL_UNKNOWN, "unknown model or accelerator", question.engine or "")
    weights = Weights(known.facts, question.quantization, question.scheme)
    engine = choose_engine(catalogue, weights, accelerator, wanted=question.engine, unlisted=question.unlisted)
    if isinstance(engine, Refusal):
        return _refused(engine, engine.engine)
    max_model_len = question.max_model_len or known.facts.default_max_model_len
    hardware = Hardware(accelerator, question.devices_per_node, question.nodes)
    load = Load(known.facts, catalogue.compatibility.formats[question.quantization], max_model_len)
    found = _lay_out(load, question, hardware, engine)
    if isinstance(found, Refusal):
        return _refused(found, engine.name)
    return Answer(
        Verdict.FITS,
        Reason.PLACED,
        _description(found, load),
        engine.name,
        image=engine.image_for(accelerator) or "",
        layout=found,
        max_model_len=max_model_len,
        start_seconds=expected_start_seconds(load),
    )


def _refused(refusal: Refusal, engine: str) -> Answer:
    return Answer(refusal.verdict, refusal.reason, refusal.message, engine)


def _lay_out(load: Load, question: Question, hardware: Hardware, engine: Engine) -> Layout | Refusal:
    if question.parallelism is not None:
        return _given_layout(load, question, hardware, engine)
    search = find_layout(load, question.quantization, hardware, engine)
    if search.layout is not None:
        return search.layout
    if search.largest is None:
        return impossible(
            Reason.PARALLELISM_ILLEGAL,
            f"no legal layout of {load.model.id} on nodes of {hardware.devices_per_node} {hardware.accelerator.unit}s",
        )
    return impossible(Reason.MEMORY_INSUFFICIENT, _shortage(load, search.largest, hardware))


def _given_layout(load: Load, question: Question, hardware: Hardware, engine: Engine) -> Layout | Refusal:
    tensor, pipeline, data, expert = question.parallelism or (1, 1, 1, 1)
    parallelism = Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=expert)
    text = illegality(parallelism, load.model, question.quantization, hardware, engine=engine)
    if text is not None:
        return impossible(Reason.PARALLELISM_ILLEGAL, text)
    layout = lay_out(load, parallelism, hardware, engine)
    if layout.memory.fits:
        return layout
    return impossible(Reason.MEMORY_INSUFFICIENT, _shortage(load, layout, hardware))


def _shortage(load: Load, layout: Layout, hardware: Hardware) -> str:
    """What is missing on the largest layout, itemised, and what to change."""
    memory, chip = layout.memory, hardware.accelerator
    missing = memory.needed_gibibytes - memory.budget_gibibytes
    total = total_weight_bytes(load) / 2**30
    return (
        f"{load.model.id} needs {memory.needed_gibibytes:.1f} GiB a {chip.unit} on {layout.devices} {chip.unit}s of "
        f"{layout.nodes} node{'s' if layout.nodes > 1 else ''}: {_items(memory)}; {chip.id} gives "
        f"{memory.budget_gibibytes:.1f} of {memory.usable_gibibytes:.1f} GiB, {missing:.1f} GiB short "
        f"(weights {total:.0f} GiB in all). Lower maxModelLen {load.max_model_len}, use a smaller quantization, or a pool "
        "with more or larger devices"
    )


def expected_start_seconds(load: Load) -> float:
    """Time from the creation of a pod until it serves, before any start was seen.

    A straight line through published starts: 90 s for 61 GiB on a shared file system, 11 to 16 minutes for 650 to 820 GiB
    on node-local disks; a fixed part for the image, the process and graph capture.
    """
    return 90 + 1.25 * total_weight_bytes(load) / 2**30


def _items(memory: MemoryNeed) -> str:
    return (
        f"weights {memory.weights_gibibytes:.1f}, KV cache {memory.kv_cache_gibibytes:.1f}, "
        f"overhead {memory.overhead_gibibytes:.1f}"
    )


def _description(layout: Layout, load: Load) -> str:
    cut = layout.parallelism
    parts = [f"TP{cut.tensor}"]
    parts += [f"PP{cut.pipeline}"] if cut.pipeline > 1 else []
    parts += [f"DP{cut.data}"] if cut.data > 1 else []
    parts += [f"EP{cut.expert}"] if cut.expert > 1 else []
    where = (
        f"{layout.devices} device{'s' if layout.devices > 1 else ''} on {layout.nodes} node{'s' if layout.nodes > 1 else ''}"
    )
    memory = layout.memory
    used = f"{memory.needed_gibibytes:.1f} of {memory.budget_gibibytes:.1f} GiB a device ({_items(memory)})"
    made_for = load.model.max_position_embeddings
    scaled = (
        ""
        if load.max_model_len <= made_for
        else f"; above the {made_for} tokens that the model was made for, so its config.json must scale RoPE"
    )
    return f"{' '.join(parts)}: {where}, {used}{scaled}"


def parallelism_of(candidate: PoolCandidate) -> tuple[int, int, int, int] | None:
    """The cut that the user gave, as a value that can be compared."""
    given = candidate.parallelism
    return None if given is None else (given.tensor, given.pipeline, given.data, given.expert)

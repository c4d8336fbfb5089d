"""Judging one deployment on every pool of its spec, as if all devices were free. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from modelmatrix.api.model_deployment import ModelDeploymentSpec, PoolCandidate, Quantization
from modelmatrix.api.names import NAME_MAX_LENGTH
from modelmatrix.api.reasons import Reason
from modelmatrix.api.validation import contradictions
from modelmatrix.api.weights_source import Source, SourceError, parse_source
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.catalogue import Catalogue, KnownModel
from modelmatrix.planning.feasibility.fit import FitRequest, FitResult, fit, parallelism_of
from modelmatrix.planning.feasibility.step_latency import tightest_bound
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.snapshot.views import DeploymentView


@dataclass(frozen=True, slots=True)
class PoolOption:
    """One pool of a deployment's spec with its verdict. ``source`` is set when the verdict is ``Fits``."""

    pool: str
    quantization: Quantization
    answer: FitResult
    source: Source | None = None

    @property
    def fits(self) -> bool:
        """Whether the pool can run the model."""
        return self.answer.verdict is Verdict.FITS

    @property
    def devices(self) -> int:
        """Devices of one replica; 0 when the pool cannot run the model."""
        return self.answer.layout.devices if self.answer.layout else 0

    @property
    def nodes(self) -> int:
        """Nodes of one replica; 0 when the pool cannot run the model."""
        return self.answer.layout.nodes if self.answer.layout else 0


@dataclass(frozen=True)
class Assessment:
    """A deployment with what is known about it before devices are handed out.

    ``error`` is a contradiction in the spec that no pool can mend; ``options`` are in the order of the spec.
    """

    model: str = ""
    options: tuple[PoolOption, ...] = ()
    error: str = ""

    @cached_property
    def fitting(self) -> tuple[PoolOption, ...]:
        """Options that can run the model."""
        return tuple(option for option in self.options if option.fits)


@dataclass(frozen=True, eq=False)
class ClusterFacts:
    """What the cluster has that verdicts depend on. ``groups``: whether replicas of several nodes can be made.

    Two are equal when verdicts are, so that these can be remembered from plan to plan.
    """

    pools: Mapping[str, PoolState]
    catalogue: Catalogue
    groups: bool = True

    @cached_property
    def _signature(self) -> tuple[Any, ...]:
        pools = (
            (name, pool.accelerator, pool.devices_per_node, pool.images, bool(pool.nodes), tuple(pool.problems))
            for name, pool in sorted(self.pools.items())
        )
        return (id(self.catalogue), self.groups, tuple((name, chip and chip.id, *rest) for name, chip, *rest in pools))

    @cached_property
    def _hash(self) -> int:
        return hash(self._signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClusterFacts) and self._signature == other._signature

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True, eq=False)
class _SpecByIdentity:
    """A spec that is compared by being the same object: views keep theirs as long as nobody edits it."""

    spec: ModelDeploymentSpec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SpecByIdentity) and self.spec is other.spec

    def __hash__(self) -> int:
        return id(self.spec)


def assess(view: DeploymentView, around: ClusterFacts) -> Assessment:
    """Judge a deployment on the pools of its spec."""
    spec = view.spec
    if spec is None:
        return Assessment(error=view.error)
    if len(view.key.name) > NAME_MAX_LENGTH:
        return Assessment(error=f"metadata.name '{view.key.name}' has more than {NAME_MAX_LENGTH} characters")
    error = "; ".join(contradictions(spec))
    return Assessment(error=error) if error else Assessment(*_judge_all(_SpecByIdentity(spec), around))


@lru_cache(maxsize=8192)
def _judge_all(asked: _SpecByIdentity, around: ClusterFacts) -> tuple[str, tuple[PoolOption, ...]]:
    """The canonical name of the model, and the options of a spec."""
    known = around.catalogue.model(asked.spec.model.name)
    options = tuple(_judge(candidate, asked.spec, known, around) for candidate in asked.spec.pools)
    return known.name if known else "", options


def _judge(candidate: PoolCandidate, spec: ModelDeploymentSpec, known: KnownModel | None, around: ClusterFacts) -> PoolOption:
    quantization = candidate.quantization or spec.quantization

    def refuse(reason: Reason, message: str) -> PoolOption:
        return PoolOption(candidate.name, quantization, FitResult(Verdict.IMPOSSIBLE, reason, message, candidate.engine or ""))

    pool = around.pools.get(candidate.name)
    if pool is None:
        return refuse(Reason.POOL_NOT_FOUND, _no_such_pool(candidate.name, around.pools))
    if known is None:
        return refuse(Reason.MODEL_UNKNOWN, _no_such_model(spec.model.name, around.catalogue))
    if pool.accelerator is None:
        return refuse(*pool.problems[0])
    try:
        source = parse_source(candidate.source or spec.model.source)
    except SourceError as error:
        return refuse(Reason.SOURCE_INVALID, str(error))
    judged = fit(around.catalogue, _question(candidate, spec, source, pool, pool.accelerator))
    hindered = _hindrance(judged, pool, groups=around.groups)
    return refuse(*hindered) if hindered else PoolOption(candidate.name, quantization, judged, source)


def _hindrance(judged: FitResult, pool: PoolState, *, groups: bool) -> tuple[Reason, str] | None:
    """What keeps a layout that fits from being started; what does not fit is left to its own words."""
    if judged.layout is None:
        return None
    if judged.layout.nodes > 1 and not groups:
        return Reason.LEADER_WORKER_SET_MISSING, _no_groups(pool.name, judged.layout.nodes)
    return _blocked(pool)


def _question(
    candidate: PoolCandidate, spec: ModelDeploymentSpec, source: Source, pool: PoolState, chip: Accelerator
) -> FitRequest:
    return FitRequest(
        model=spec.model.name,
        quantization=candidate.quantization or spec.quantization,
        scheme=source.scheme,
        engine=candidate.engine,
        parallelism=parallelism_of(candidate),
        max_model_len=spec.max_model_len,
        unlisted=spec.unlisted,
        accelerator=chip.id,
        devices_per_node=pool.devices_per_node,
        bound=tightest_bound(spec.slo),
        images=pool.images,
    )


def _blocked(pool: PoolState) -> tuple[Reason, str] | None:
    """What is so wrong with the pool that nothing can be started there."""
    blocking = (Reason.MISCONFIGURED, Reason.ACCELERATOR_UNKNOWN, Reason.RUNTIME_CLASS_MISSING)
    found = next(((reason, text) for reason, text in pool.problems if reason in blocking), None)
    if found is not None:
        return found
    return pool.problems[0] if pool.problems and not pool.nodes else None


def _no_groups(pool: str, nodes: int) -> str:
    return (
        f"a replica on {pool} needs {nodes} nodes and the LeaderWorkerSet API is not installed; "
        "install LeaderWorkerSet v0.8 or newer"
    )


def _no_such_pool(name: str, pools: Mapping[str, PoolState]) -> str:
    known = ", ".join(sorted(pools)[:8]) or "none"
    return f"AcceleratorPool '{name}' does not exist (there are: {known}); create it or correct spec.pools[].name"


def _no_such_model(name: str, catalogue: Catalogue) -> str:
    near = catalogue.near(name)
    guess = f" (is {near} meant?)" if near else ""
    return (
        f"model '{name}' is neither in the catalogue nor a ModelProfile of this cluster{guess}; correct spec.model.name, or "
        "describe the model with a ModelProfile"
    )

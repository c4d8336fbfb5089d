"""Feasibility: each deployment is judged on every pool of its spec, as if all devices were free. Pure.

1. A spec that contradicts itself is judged on no pool: the error concerns the deployment.
2. On each pool come first the things that must exist: pool, model, accelerator, a source that can be parsed; and what the
   namespace may use (``tenancy.verdicts``).
3. Then ``fit`` judges engine, quantization, layout, memory and latency.
4. A layout that fits may still not start there: the pool has a blocking problem, or the LeaderWorkerSet API is missing.

The first failure gives the option its verdict, reason and message. An option that fits carries the facts that placement and
rendering need: engine, image, layout, source.

Free devices are not read, so verdicts change only with a spec, the catalogue or what pools are made of. They are cached in two
steps: ``fit`` by its arguments, and the assessment of a deployment by its spec, until any of the cluster's facts changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

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
from modelmatrix.planning.inventory.pool_state import PoolProblem, PoolState
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName
from modelmatrix.planning.tenancy.rules import UNRESTRICTED, TenantRules
from modelmatrix.planning.tenancy.verdicts import model_denied, pool_denied, secret_denied, source_denied

_values = attrgetter(*(field.name for field in fields(FitResult)))  # dataclasses.astuple would copy them deeply


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOption(FitResult):
    """One pool of a deployment's spec with its verdict; ``source`` is set when the model fits."""

    pool: str
    quantization: Quantization
    source: Source | None = None

    @property
    def fits(self) -> bool:
        """Whether the pool can run the model."""
        return self.verdict is Verdict.FITS

    @property
    def devices(self) -> int:
        """Devices of one replica; 0 when the pool cannot run the model."""
        return self.layout.devices if self.layout else 0

    @property
    def nodes(self) -> int:
        """Nodes of one replica; 0 when the pool cannot run the model."""
        return self.layout.nodes if self.layout else 0


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known about a deployment before devices are handed out.

    ``error`` says why no pool is judged: the spec cannot be read, or contradicts itself. ``options`` are in the order of the
    spec; ``fitting`` are those that can run the model.
    """

    model: KnownModel | None = None
    options: tuple[PoolOption, ...] = ()
    fitting: tuple[PoolOption, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class PoolCapabilities:
    """The properties of a pool that verdicts depend on. Free devices are not among them."""

    accelerator: Accelerator | None
    devices_per_node: int
    images: frozenset[str]
    has_nodes: bool
    problems: tuple[PoolProblem, ...]


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What verdicts depend on beside the spec. ``groups``: whether the cluster has the LeaderWorkerSet API."""

    catalogue: Catalogue
    groups: bool
    pools: Mapping[str, PoolCapabilities]


class _LastAssessment(NamedTuple):
    """An assessment with what it was made from."""

    spec: ModelDeploymentSpec
    rules: TenantRules
    result: Assessment


@dataclass(slots=True)
class FeasibilityCache:
    """Verdicts for the next plan: those of an unedited spec, as long as the cluster's facts are the same.

    Views keep their spec object while its content is the same, so a spec is compared by identity; so are the rules of its
    namespace.
    """

    fit: Callable[[Catalogue, FitRequest], FitResult] = field(default_factory=lambda: lru_cache(maxsize=4096)(fit))
    assessments: LastResults[NamespacedName, _LastAssessment] = field(default_factory=LastResults)
    cluster: ClusterFacts | None = None

    def branch(self) -> FeasibilityCache:
        """A cache that begins with what this one has and leaves it as it is."""
        return FeasibilityCache(self.fit, self.assessments.branch(), self.cluster)


def assess_all(
    snapshot: Snapshot, pools: Mapping[str, PoolState], cache: FeasibilityCache, rules: Mapping[str, TenantRules]
) -> dict[NamespacedName, Assessment]:
    """Judge every deployment on the pools of its spec, as if all devices were free; ``rules`` are by namespace."""
    capabilities = {name: _capabilities(pool) for name, pool in pools.items()}
    cluster = ClusterFacts(snapshot.catalogue, snapshot.leader_worker_sets, capabilities)
    settings = snapshot.settings
    if cluster != cache.cluster:
        cache.assessments.clear()
        cache.cluster = cluster
    return {
        view.key: _assess(view, rules.get(view.key.namespace, UNRESTRICTED), cluster, cache)
        if settings.may_write(view.key.namespace)
        else _not_managed(view)
        for view in snapshot.deployments
        if not view.deleting
    }


def _not_managed(view: DeploymentView) -> Assessment:
    """Every pool of the spec is refused: the operator's roles end before this namespace."""
    if view.spec is None:
        return Assessment(error=view.error)
    message = (
        f"the operator may not write in the namespace {view.key.namespace}; move the deployment, or add the namespace to "
        "rbac.scope in the chart's values"
    )
    options = (
        PoolOption(
            *(Verdict.IMPOSSIBLE, Reason.NAMESPACE_NOT_MANAGED, message, candidate.engine or ""),
            pool=candidate.name,
            quantization=candidate.quantization or view.spec.quantization,
        )
        for candidate in view.spec.pools
    )
    return Assessment(options=tuple(options))


def _capabilities(pool: PoolState) -> PoolCapabilities:
    return PoolCapabilities(pool.accelerator, pool.devices_per_node, pool.images, bool(pool.nodes), pool.problems)


def _assess(view: DeploymentView, rules: TenantRules, cluster: ClusterFacts, cache: FeasibilityCache) -> Assessment:
    spec = view.spec
    if spec is None:
        return Assessment(error=view.error)
    last = cache.assessments.get(view.key)
    if last is not None and last.spec is spec and last.rules == rules:
        return last.result
    assessment = _judge_all(view.key.name, spec, rules, cluster, cache.fit)
    cache.assessments.put(view.key, _LastAssessment(spec, rules, assessment))
    return assessment


def _judge_all(
    name: str,
    spec: ModelDeploymentSpec,
    rules: TenantRules,
    cluster: ClusterFacts,
    fit: Callable[[Catalogue, FitRequest], FitResult],
) -> Assessment:
    if len(name) > NAME_MAX_LENGTH:
        return Assessment(error=f"metadata.name '{name}' has more than {NAME_MAX_LENGTH} characters")
    error = "; ".join(contradictions(spec))
    if error:
        return Assessment(error=error)
    model = cluster.catalogue.model(spec.model.name)
    options = tuple(_judge(candidate, spec, model, rules, cluster, fit) for candidate in spec.pools)
    return Assessment(model, options, tuple(option for option in options if option.fits))


def _judge(
    candidate: PoolCandidate,
    spec: ModelDeploymentSpec,
    model: KnownModel | None,
    rules: TenantRules,
    cluster: ClusterFacts,
    fit: Callable[[Catalogue, FitRequest], FitResult],
) -> PoolOption:
    quantization = candidate.quantization or spec.quantization

    def refuse(reason: Reason, message: str) -> PoolOption:
        return PoolOption(
            Verdict.IMPOSSIBLE, reason, message, candidate.engine or "", pool=candidate.name, quantization=quantization
        )

    denied = pool_denied(rules, candidate.name)
    pool = None if denied else cluster.pools.get(candidate.name)
    if pool is None:
        missing = PoolProblem(Reason.POOL_NOT_FOUND, _no_such_pool(candidate.name, cluster.pools))
        return refuse(*(PoolProblem(Reason.POLICY_DENIED, denied) if denied else missing))
    if model is None:
        return refuse(Reason.MODEL_UNKNOWN, _no_such_model(spec.model.name, cluster.catalogue))
    if pool.accelerator is None:
        return refuse(*pool.problems[0])
    text = candidate.source or spec.model.source
    try:
        source = parse_source(text)
    except SourceError as error:
        return refuse(Reason.SOURCE_INVALID, str(error))
    result = fit(cluster.catalogue, _request(candidate, spec, model, source, pool, pool.accelerator))
    denied = model_denied(rules, model) or source_denied(rules, text, source) or _secrets_denied(rules, spec)
    forbidden = PoolProblem(Reason.POLICY_DENIED, denied) if denied else None
    obstacle = forbidden or _obstacle(candidate.name, result, pool, groups=cluster.groups)
    if obstacle is not None:
        return refuse(*obstacle)
    return PoolOption(*_values(result), pool=candidate.name, quantization=quantization, source=source)


def _secrets_denied(rules: TenantRules, spec: ModelDeploymentSpec) -> str:
    return secret_denied(rules, spec.model.secret_name) or (
        secret_denied(rules, spec.api_key.secret_name) if spec.api_key else ""
    )


def _obstacle(name: str, result: FitResult, pool: PoolCapabilities, *, groups: bool) -> PoolProblem | None:
    """What keeps a layout that fits from being started; a rejection says more than this would."""
    if result.layout is None:
        return None
    if result.layout.nodes > 1 and not groups:
        return PoolProblem(Reason.LEADER_WORKER_SET_MISSING, _no_groups(name, result.layout.nodes))
    return _blocking_problem(pool)


def _request(
    candidate: PoolCandidate,
    spec: ModelDeploymentSpec,
    model: KnownModel,
    source: Source,
    pool: PoolCapabilities,
    accelerator: Accelerator,
) -> FitRequest:
    return FitRequest(
        model=model,
        quantization=candidate.quantization or spec.quantization,
        scheme=source.scheme,
        engine=candidate.engine,
        parallelism=parallelism_of(candidate),
        max_model_len=spec.max_model_len,
        unlisted=spec.unlisted,
        accelerator=accelerator,
        devices_per_node=pool.devices_per_node,
        bound=tightest_bound(spec.slo),
        images=pool.images,
        keyed=spec.api_key is not None,
        measured=spec.slo is not None or spec.scaling is not None,
    )


def _blocking_problem(pool: PoolCapabilities) -> PoolProblem | None:
    """A problem of the pool with which nothing can be started there."""
    blocking = (Reason.MISCONFIGURED, Reason.ACCELERATOR_UNKNOWN, Reason.RUNTIME_CLASS_MISSING)
    problem = next((problem for problem in pool.problems if problem.reason in blocking), None)
    if problem is not None:
        return problem
    return pool.problems[0] if pool.problems and not pool.has_nodes else None


def _no_groups(pool: str, nodes: int) -> str:
    return (
        f"a replica on {pool} needs {nodes} nodes and the LeaderWorkerSet API is not installed; "
        "install LeaderWorkerSet v0.8 or newer"
    )


def _no_such_pool(name: str, pools: Mapping[str, PoolCapabilities]) -> str:
    known = ", ".join(sorted(pools)[:8]) or "none"
    return f"AcceleratorPool '{name}' does not exist (there are: {known}); create it or correct spec.pools[].name"


def _no_such_model(name: str, catalogue: Catalogue) -> str:
    near = catalogue.near(name)
    guess = f" (is {near} meant?)" if near else ""
    return (
        f"model '{name}' is neither in the catalogue nor a ModelProfile of this cluster{guess}; correct spec.model.name, or "
        "describe the model with a ModelProfile"
    )

"""The planner's verdict on an object that the API server is about to store: warnings, and why Deny mode refuses it. Pure.

1. The proposed object takes its place in the snapshot.
2. The fleet is planned anew. For a deployment the first four steps are enough, less than half of a plan; for a pool or a
   profile a plan covers only the deployments that name it, because only their feasibility counts.
3. The statuses that follow are compared with the stored ones. What a status would report as wrong becomes a warning: pools
   that cannot run the model, missing devices, replicas of others that give way, deployments that lose their last pool.
4. A refusal needs a spec that cannot be read, or one that every pool rules out by itself. What another object may still
   bring (a pool, a node, a profile) never refuses: one ``kubectl apply`` may carry both, in any order.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelmatrix.api.conditions import FALSE, PLACED, READY, SIGNALS_FRESH, WITHIN_POLICY, find_condition
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.catalogue import Catalogue, normalise
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.placement.displacement import displaced_by
from modelmatrix.planning.placement.result import PlacementResult
from modelmatrix.planning.plan import Plan, place, plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView, PoolView, TenantPolicyView
from modelmatrix.planning.status.deployment_status import deployment_status

# The API server may truncate a warning after 256 characters and drops those beyond 4096 in all (KEP-1693), so 12 of 256 always
# arrive.
WARNING_MAX_LENGTH = 256
WARNINGS_MAX = 12
PIECES_MAX = 2  # warnings that one long message may take

# Reasons that another object can cure. It may be on its way, in the same ``kubectl apply``.
_CURED_BY_OTHERS = frozenset(
    {
        Reason.POOL_NOT_FOUND,
        Reason.POOL_OVERLAP,
        Reason.ACCELERATOR_UNKNOWN,
        Reason.MODEL_UNKNOWN,
        Reason.NODES_MISMATCH,
        Reason.NODES_MISSING,
        Reason.LEADER_WORKER_SET_MISSING,
        Reason.RUNTIME_CLASS_MISSING,
        Reason.MISCONFIGURED,
    }
)
_MAY_CHANGE = _CURED_BY_OTHERS | {Reason.POLICY_DENIED}  # a policy or a namespace's label may be on its way; it refuses still
_CAN_RUN = (Verdict.FITS, Verdict.NO_CAPACITY)


@dataclass(frozen=True, slots=True)
class AdmissionVerdict:
    """``warnings`` are ready for the API server. ``refusal`` says what Deny mode refuses; empty: it may be stored.

    ``is_provisional``: an object that the caches have not seen yet may change the verdict.
    """

    warnings: tuple[str, ...] = ()
    refusal: str = ""
    is_provisional: bool = False


NO_OBJECTION = AdmissionVerdict()


def unreadable(error: str) -> AdmissionVerdict:
    """The verdict on a spec that cannot be read."""
    return AdmissionVerdict(_warnings([error]), refusal=error)


def review_deployment(proposed: DeploymentView, snapshot: Snapshot, cache: PlanCache | None = None) -> AdmissionVerdict:
    """The verdict on a ModelDeployment that is created or changed."""
    if proposed.deleting:
        return NO_OBJECTION  # finalizers are left, and replicas are not planned any more
    if proposed.spec is None:
        return unreadable(proposed.error)
    others = tuple(other for other in snapshot.deployments if other.key != proposed.key)
    proposal = replace(snapshot, deployments=(*others, proposed))
    result = _place(proposal, cache or PlanCache())
    status = deployment_status(result.deployment_plan(proposed.key), result.snapshot)
    placed, candidates = find_condition(status, PLACED) or {}, status["candidates"]
    reasons = {Reason(candidate["reason"]) for candidate in candidates}
    if placed.get("reason") == Reason.MISCONFIGURED and Reason.MISCONFIGURED not in reasons:
        return unreadable(placed["message"])
    ruled_out = [candidate for candidate in candidates if candidate["verdict"] != Verdict.FITS]
    messages = [
        *_beyond_policy(status),
        *_shortage(status, placed),
        *map(_of_pool, ruled_out),
        *_asleep(status),
        *_displaced(result, others, proposed.key.namespace),
    ]
    is_impossible = all(candidate["verdict"] == Verdict.IMPOSSIBLE for candidate in candidates)
    refusal = ". ".join(map(_of_pool, ruled_out)) if is_impossible and not reasons & _CURED_BY_OTHERS else ""
    return AdmissionVerdict(_warnings(messages), refusal, is_provisional=bool(reasons & _MAY_CHANGE))


def review_pool(proposed: PoolView, snapshot: Snapshot, cache: PlanCache | None = None) -> AdmissionVerdict:
    """The verdict on an AcceleratorPool that is created or changed."""
    if proposed.spec is None:
        return unreadable(proposed.error)
    others = tuple(other for other in snapshot.pools if other.name != proposed.name)
    users = tuple(d for d in snapshot.deployments if d.spec and any(pool.name == proposed.name for pool in d.spec.pools))
    after = plan(replace(snapshot, pools=(*others, proposed), deployments=users), _branch(cache))
    pool = after.pools[proposed.name]
    problems = [message for _, message in pool.problems]
    relaxed = [f"{pool.relaxed}: pods do not meet Pod Security restricted"] if pool.relaxed else []
    return AdmissionVerdict(_warnings([*problems, *relaxed, *_stranded(users, after)]))


def review_tenant_policy(proposed: TenantPolicyView, snapshot: Snapshot, cache: PlanCache | None = None) -> AdmissionVerdict:
    """The verdict on a TenantPolicy that is created or changed: its mistakes, and what it does to deployments that exist.

    Whoever may write policies reads all names.
    """
    if proposed.spec is None:
        return unreadable(proposed.error)
    others = tuple(other for other in snapshot.tenant_policies if other.name != proposed.name)
    after = plan(replace(snapshot, tenant_policies=(*others, proposed)), _branch(cache))
    ready = find_condition(after.policy_statuses[proposed.name], READY) or {}
    mistakes = [ready["message"]] if ready.get("status") == FALSE else []
    return AdmissionVerdict(_warnings([*mistakes, *_stranded(snapshot.deployments, after), *_newly_beyond(snapshot, after)]))


def _newly_beyond(snapshot: Snapshot, after: Plan) -> Iterator[str]:
    """Deployments of whose spec less would count than today."""
    for view in sorted(snapshot.deployments, key=lambda user: user.key):
        status = after.statuses.get(view.key)
        within = find_condition(status, WITHIN_POLICY) if status else None
        before = find_condition(view.status, WITHIN_POLICY) or {}
        if within is not None and within["reason"] != before.get("reason"):
            yield f"{view.key}: {within['message']}"


def review_model_profile(
    name: str, spec: ModelProfileSpec, snapshot: Snapshot, cache: PlanCache | None = None
) -> AdmissionVerdict:
    """The verdict on a ModelProfile that is created or changed."""
    names = {normalise(name), *map(normalise, spec.aliases)}
    users = tuple(d for d in snapshot.deployments if d.spec and normalise(d.spec.model.name) in names)
    return _of_catalogue(snapshot.catalogue.extended({name: spec}, {}), users, snapshot, cache)


def review_engine_profile(
    name: str, spec: EngineProfileSpec, snapshot: Snapshot, cache: PlanCache | None = None
) -> AdmissionVerdict:
    """The verdict on an EngineProfile that is created or changed."""
    if snapshot.catalogue.engine(spec.base) is None:
        known = ", ".join(sorted(snapshot.catalogue.engines))
        return AdmissionVerdict(_warnings([f"spec.base '{spec.base}' is not an engine of the catalogue; known are {known}"]))
    users = tuple(d for d in snapshot.deployments if d.spec and any(pool.engine == name for pool in d.spec.pools))
    return _of_catalogue(snapshot.catalogue.extended({}, {name: spec}), users, snapshot, cache)


def _of_catalogue(
    catalogue: Catalogue, users: tuple[DeploymentView, ...], snapshot: Snapshot, cache: PlanCache | None
) -> AdmissionVerdict:
    after = plan(replace(snapshot, catalogue=catalogue, deployments=users), _branch(cache))
    return AdmissionVerdict(_warnings(_stranded(users, after)))


def _place(snapshot: Snapshot, cache: PlanCache) -> PlacementResult:
    """Placement with the verdicts of the whole fleet's cache, and without its templates, which a part of a plan would drop."""
    cache.feasibility.assessments.begin()
    cache.tenancy.governed.begin()
    return place(snapshot, PlanCache(cache.feasibility, tenancy=cache.tenancy))


def _branch(cache: PlanCache | None) -> PlanCache | None:
    """Of a cache of the whole fleet: a plan for some of its deployments would drop what it has of the others."""
    return cache.branch() if cache else None


def _of_pool(candidate: Mapping[str, Any]) -> str:
    return f"{candidate['pool']}: {candidate['message']}"


def _shortage(status: Mapping[str, Any], placed: Mapping[str, Any]) -> Iterator[str]:
    """How many replicas wait for devices; each pool says why. Groups that the scheduler refuses have their own message."""
    if placed.get("reason") in (Reason.INSUFFICIENT_DEVICES, Reason.TENANT_QUOTA_EXCEEDED):
        desired = status["desiredReplicas"]
        missing = desired - sum(placement["desired"] for placement in status["placements"])
        yield f"{missing} of {desired} replicas find no devices now and wait for them"
    elif placed.get("reason") == Reason.UNSCHEDULABLE:
        yield placed["message"]


def _beyond_policy(status: Mapping[str, Any]) -> Iterator[str]:
    """What of the spec does not count, because the namespace may not use it."""
    within = find_condition(status, WITHIN_POLICY)
    if within is not None:
        yield within["message"]


def _asleep(status: Mapping[str, Any]) -> Iterator[str]:
    signals = find_condition(status, SIGNALS_FRESH) or {}
    if signals.get("status") == FALSE and signals.get("reason") == Reason.NO_WAKE_SIGNAL:
        yield signals["message"]


def _displaced(result: PlacementResult, others: Iterable[DeploymentView], reader: str) -> Iterator[str]:
    """Replicas of others that would give way, without those that gave way before, as the namespace ``reader`` may read it."""
    names, losses = result.tenancy.names, {}
    for view in sorted(others, key=lambda other: other.key):
        before = sum(entry["replicas"] for entry in view.status.get("displacedBy", ()))
        more = sum(displaced_by(result.state, view.key, names).values()) - before
        if more > 0:
            losses[view.key] = more
    for name, more in names.counts(reader, losses):
        yield f"would displace {more} replica{'s' if more > 1 else ''} of {name}"


def _stranded(users: Iterable[DeploymentView], after: Plan) -> Iterator[str]:
    """Deployments that have a pool today and would have none."""
    for view in sorted(users, key=lambda user: user.key):
        status = after.statuses.get(view.key)
        if status is None or not _can_run(view.status) or _can_run(status):
            continue
        why = ". ".join(map(_of_pool, status["candidates"][:1]))
        yield f"{view.key} could run on none of its pools any more. {why}"


def _can_run(status: Mapping[str, Any]) -> bool:
    return any(candidate.get("verdict") in _CAN_RUN for candidate in status.get("candidates", ()))


def _warnings(messages: Iterable[str]) -> tuple[str, ...]:
    """Warnings that the API server passes on whole: printable, each once, in order, and not too many."""
    pieces = dict.fromkeys(piece for message in messages for piece in _pieces(message))
    shown = tuple(pieces)
    if len(shown) <= WARNINGS_MAX:
        return shown
    return (*shown[: WARNINGS_MAX - 1], f"{len(shown) - WARNINGS_MAX + 1} more warnings; see the status of the object")


def _pieces(message: str) -> list[str]:
    """A message in warnings of a length that is not truncated; control characters would make the API server drop it."""
    text = "".join(character if character.isprintable() else " " for character in message)
    return textwrap.wrap(text, WARNING_MAX_LENGTH, max_lines=PIECES_MAX, placeholder=" ...", break_on_hyphens=False)

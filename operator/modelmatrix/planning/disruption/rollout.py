"""One workload whose pods change, or may have to: what it runs, what it should run, and how far it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.disruption.history import FailedTemplate, ServedTemplate, failed_template, served_template
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.rendering.manifest import Manifest, first_drift, surges
from modelmatrix.planning.rendering.pod_templates import engine_image, rolling_part, without_soft_fields
from modelmatrix.planning.snapshot.views import Component, NamespacedName, PodProblem, PodView, WorkloadView

PATIENCE_SECONDS = 60.0  # a registry or a store that fails for a moment fails no rollout
SETTLE_SECONDS = (
    3.0  # a controller's status and the pods come by different watches: at first both may be older than the rollout
)
CLOCK_SKEW_SECONDS = 2.0
_PASSING = (Reason.UNSCHEDULABLE, Reason.SCHEDULING_GATED, Reason.POD_NOT_PREPARED, Reason.POD_EVICTED)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a change comes from: an image, or else an engine's settings on a pool. ``key`` is equal for the same cause."""

    key: tuple[str, ...]

    def __str__(self) -> str:
        return f"to image {self.key[1]}" if self.key[0] == "image" else f"of pool {self.key[1]}"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A workload with its deployment.

    ``served`` is the template before the rollout that is on, ``failed`` the last one that was taken back.
    """

    deployment: DeploymentPlan
    placement: PoolPlacement
    workload: WorkloadView
    served: ServedTemplate | None
    failed: FailedTemplate | None
    now_seconds: float

    @property
    def key(self) -> NamespacedName:
        """Identity of the deployment."""
        return self.deployment.key

    @property
    def pool(self) -> str:
        """The pool of the workload."""
        return self.placement.option.pool

    @property
    def rank(self) -> tuple[int, NamespacedName, str]:
        """Order of rollouts: the lowest priority first."""
        spec = self.deployment.spec
        return (-(spec.priority.rank if spec else 0), self.key, self.pool)

    @property
    def is_wanted(self) -> bool:
        """Whether the desired template needs other pods than the stored one."""
        return not self.placement.is_current

    @property
    def is_own(self) -> bool:
        """Whether the deployment's own spec changes the stored template; unknown for an object of an earlier version."""
        return bool(self.workload.spec_digest) and self.workload.spec_digest != self.placement.template.spec_digest

    @property
    def cause(self) -> Cause:
        """What changes the stored template into the desired one."""
        return self._cause(rolling_part(self.workload.manifest), rolling_part(self.placement.template.manifest))

    @property
    def field(self) -> str:
        """Path of the first field that needs new pods, e.g. ``spec.template.spec.containers[0].image``."""
        part = rolling_part(self.placement.template.manifest)
        return first_drift(rolling_part(self.workload.manifest), without_soft_fields(part), "spec")

    @property
    def was_taken_back(self) -> bool:
        """Whether the desired template was tried and taken back, or its image was."""
        failed = self.failed
        if failed is None or not self.is_wanted:
            return False
        is_same_image = failed.cause[:1] == ("image",) and failed.cause == self.cause.key
        return is_same_image or failed.digest == self.placement.template.rollout_digest

    @property
    def is_on(self) -> bool:
        """Whether a rollout has begun and its template does not serve yet."""
        return self.served is not None and not self.is_complete

    @property
    def is_going_back(self) -> bool:
        """Whether the rollout that is on restores the template that served before."""
        return self.served is not None and self.served.digest == self.workload.template_digest

    @property
    def on_cause(self) -> Cause:
        """What the rollout that is on has changed."""
        before = self.served.part if self.served else {}
        return self._cause(before, rolling_part(self.workload.manifest))

    @property
    def on_own(self) -> bool:
        """Whether the rollout that is on comes from the deployment's own spec."""
        return (
            self.served is not None and bool(self.served.spec_digest) and self.served.spec_digest != self.workload.spec_digest
        )

    @property
    def is_complete(self) -> bool:
        """Whether every replica that has devices serves, and none of an older template is left."""
        if self.served is not None and self.now_seconds - self.served.since_seconds < SETTLE_SECONDS:
            return False
        observed = self.placement.observed
        expected = min(self.workload.replicas, max(1, self.placement.placed))
        return observed is not None and observed.ready >= expected and not (self.workload.outdated or self.workload.rolling)

    @property
    def surges(self) -> bool:
        """Whether the stored update strategy makes the new pod first."""
        return surges(self.workload.manifest)

    @property
    def has_surge_pod(self) -> bool:
        """Whether the surge replica of a rollout holds its devices already."""
        observed = self.placement.observed
        return observed is not None and sum(1 for replica in observed.replicas if replica.bound) > self.workload.replicas

    @property
    def is_stuck(self) -> bool:
        """Whether a surge replica waits for devices that are not there: more pods than replicas, and one has no node."""
        observed = self.placement.observed
        if observed is None or not self.workload.rolling or not self.surges:
            return False
        waits = any(not replica.bound for replica in observed.replicas)
        return observed.existing > self.workload.replicas and not self.placement.surge and waits

    @property
    def problem(self) -> PodProblem | None:
        """What keeps pods of the new template from serving, once it has lasted; ``None`` while they may still start."""
        if self.served is None:
            return None
        reported = [problem for problem in self._reported() if self._has_lasted(problem)]
        return reported[0] if reported else None

    @property
    def has_served(self) -> bool:
        """Whether a pod of the new template serves."""
        return any(pod.leader and pod.ready for pod in self._new_pods())

    def _reported(self) -> list[PodProblem]:
        pods = [pod.problem for pod in self._new_pods() if pod.problem is not None]
        return [problem for problem in (self.workload.failure, *pods, self.workload.overdue) if problem is not None]

    def _has_lasted(self, problem: PodProblem) -> bool:
        if problem.component is Component.SCHEDULER or problem.reason in _PASSING:
            return False
        since_seconds = max(problem.since_seconds, self.served.since_seconds if self.served else 0.0)
        if problem is self.workload.overdue:
            return problem.since_seconds >= since_seconds - CLOCK_SKEW_SECONDS
        return self.now_seconds - since_seconds >= PATIENCE_SECONDS

    def _new_pods(self) -> list[PodView]:
        observed = self.placement.observed
        if observed is None or self.served is None:
            return []
        begun = self.served.since_seconds - CLOCK_SKEW_SECONDS
        return [pod for replica in observed.replicas for pod in replica.pods if pod.created_seconds >= begun]

    def _cause(self, before: Manifest, after: Manifest) -> Cause:
        image = engine_image(after)
        if engine_image(before) != image:
            return Cause(("image", image))
        return Cause(("pool", self.pool, self.placement.option.engine))


def rollout_of(deployment: DeploymentPlan, placement: PoolPlacement, now_seconds: float) -> Rollout | None:
    """The rollout of a placement; ``None`` where there is no workload, or it is on its way out."""
    workload = placement.workload
    if workload is None or workload.deleting:
        return None
    return Rollout(deployment, placement, workload, served_template(workload), failed_template(workload), now_seconds)

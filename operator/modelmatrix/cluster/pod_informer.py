"""The informer of pods: views of those that hold devices or are ours, and of all others only what they reserve on each node.

A cluster has many pods without devices, and their CPU and memory count only on the nodes of pools. An event of such a pod
changes the sum of its node and calls nobody: the next plan reads it. So no pod of others starts a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from modelmatrix.api.names import Kind
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.informer import Informer, Projection
from modelmatrix.cluster.views.kinds import PODS
from modelmatrix.cluster.views.resources import OtherPod, background_of, other_pod
from modelmatrix.planning.snapshot.views import NO_COMPUTE, Compute, NamespacedName, PodView


class OtherPods:
    """Pods without a view, and the sums of what they reserve by node; each change costs the same, however many there are."""

    def __init__(self) -> None:
        self._pods: dict[NamespacedName, OtherPod] = {}
        self._sums: dict[str, Compute] = {}

    @property
    def sums(self) -> Mapping[str, Compute]:
        """What the pods reserve now, by node."""
        return dict(self._sums)

    def replace(self, pods: dict[NamespacedName, OtherPod]) -> None:
        """Replace all pods."""
        self._pods, self._sums = pods, background_of(pods.values())

    def set(self, key: NamespacedName, pod: OtherPod | None) -> None:
        """Add, change or remove one pod."""
        before = self._pods.pop(key, None)
        if before is not None:
            self._sums[before.node] = self._sums[before.node].minus(before.requests)
            if not self._sums[before.node].pods:
                del self._sums[before.node]
        if pod is not None:
            self._pods[key] = pod
            self._sums[pod.node] = self._sums.get(pod.node, NO_COMPUTE).plus(pod.requests)


class PodInformer(Informer[PodView]):
    """Views of pods as any informer has them; ``background`` is what all other pods reserve, by node."""

    def __init__(self, client: ApiClient, on_change: Callable[[Kind, NamespacedName], None]) -> None:
        # The base class gets pods of both kinds from the projection; the methods below take the others out.
        project = cast("Projection[PodView]", _project)
        super().__init__(client, PODS.kind, project, on_change, labels=PODS.labels, fields=PODS.fields)
        self._others = OtherPods()

    @property
    def background(self) -> Mapping[str, Compute]:
        """What pods without a view reserve now, by node."""
        return self._others.sums

    def _replace(self, fresh: dict[NamespacedName, PodView]) -> None:
        mixed = cast("dict[NamespacedName, PodView | OtherPod]", fresh)
        self._others.replace({key: view for key, view in mixed.items() if isinstance(view, OtherPod)})
        super()._replace({key: view for key, view in mixed.items() if isinstance(view, PodView)})

    def _update(self, key: NamespacedName, view: PodView | None) -> None:
        either = cast("PodView | OtherPod | None", view)
        self._others.set(key, either if isinstance(either, OtherPod) else None)
        super()._update(key, either if isinstance(either, PodView) else None)


def _project(item: Mapping[str, Any]) -> PodView | OtherPod | None:
    return PODS.project(item) or other_pod(item)

"""Hypothesis strategies of objects that no schema would admit, built from the field names that the projections read."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = [
    *("apiVersion", "kind", "metadata", "name", "namespace", "uid", "labels", "annotations", "ownerReferences", "controller"),
    *("creationTimestamp", "deletionTimestamp", "generation", "resourceVersion", "managedFields"),
    *("spec", "status", "conditions", "type", "reason", "message", "phase", "lastTransitionTime", "observedGeneration"),
    *("replicas", "updatedReplicas", "template", "leaderWorkerTemplate", "size", "leaderTemplate", "workerTemplate"),
    *("containers", "initContainers", "resources", "requests", "limits", "nodeName", "unschedulable", "restartPolicy"),
    *("allocatable", "capacity", "nvidia.com/gpu", "huawei.com/Ascend910", "cpu"),
    *("containerStatuses", "initContainerStatuses", "state", "lastState", "waiting", "terminated", "exitCode"),
    *("restartCount", "ready", "model", "pools", "quantization", "accelerator", "resourceName", "nodeSelector"),
    *("app.kubernetes.io/managed-by", "modelmatrix.io/deployment", "modelmatrix.io/role", "app.kubernetes.io/instance"),
]
TEXTS = [
    *("", "True", "False", "Ready", "PodScheduled", "ReplicaFailure", "Running", "Always", "leader", "modelmatrix"),
    *("CrashLoopBackOff", "2026-11-23T01:00:00Z", "8", "1e3", "-1", "x", "0.5", "9" * 30),
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS) | st.text(max_size=5)
words = st.sampled_from(WORDS) | st.text(max_size=5)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=3), max_leaves=10
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """A dictionary with ``metadata.name`` and ``metadata.namespace``, and arbitrary content elsewhere."""
    item: dict[str, Any] = draw(st.dictionaries(words, values, max_size=3))
    metadata: dict[str, Any] = draw(st.dictionaries(words, values, max_size=3))
    item["metadata"] = {**metadata, "name": draw(st.text(min_size=1, max_size=5)), "namespace": draw(st.text(max_size=5))}
    for part in ("spec", "status"):
        if draw(st.booleans()):
            item[part] = draw(st.dictionaries(words, values, max_size=4))
    return item

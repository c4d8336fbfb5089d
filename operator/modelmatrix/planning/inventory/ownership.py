"""Which observed objects belong to a deployment: those that it controls, and those of its that nothing controls any more. Pure.

A restore by a backup tool and ``kubectl delete --cascade=orphan`` leave workloads and Services without owner references while
their pods serve and hold devices. They are taken back: the apply that follows names the deployment as their owner. What has
another controller, or lacks the labels of the deployment, is never taken.
"""

from __future__ import annotations

import re

from modelmatrix.api import names
from modelmatrix.planning.snapshot.views import DeploymentView, ServiceView, WorkloadView

_HASH = re.compile(rf"[0-9a-f]{{{names.WORKLOAD_HASH_LENGTH}}}")


def owns_workload(view: DeploymentView, workload: WorkloadView) -> bool:
    """Whether a workload with the deployment's labels is its own, or an orphan of it.

    The name of an orphan must be one that the operator gives, of this layout or of an older one, and it must have been applied.
    """
    if workload.owner_uid:
        return workload.owner_uid == view.uid
    prefix, _, suffix = workload.key.name.rpartition("-")
    is_named = prefix == names.workload_name_prefix(view.key.name) and _HASH.fullmatch(suffix) is not None
    return is_named and bool(workload.digest)


def owned_dependent(view: DeploymentView, item: ServiceView | None) -> ServiceView | None:
    """The Service or NetworkPolicy of the deployment's name, if it is its own or an orphan with its label."""
    if item is None or item.owner_uid == view.uid:
        return item
    labels = item.manifest.get("metadata", {}).get("labels", {})
    is_taken = not item.owner_uid and labels.get(names.LABEL_DEPLOYMENT) == view.key.name
    return item if is_taken else None

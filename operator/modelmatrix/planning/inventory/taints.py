"""Which taints keep new replicas away from a node, by the scheduler's rules. Pure.

NoSchedule and NoExecute keep pods away that do not tolerate them; PreferNoSchedule makes a node the last choice. Taints of
Kubernetes itself come and go with the state of a node: a toleration is no remedy for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelmatrix.api.accelerator_pool import Toleration
from modelmatrix.planning.snapshot.views import Taint

PREFERENCE = "PreferNoSchedule"
_LIFECYCLE = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")


def untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> list[Taint]:
    """The taints that none of the tolerations covers."""
    return [taint for taint in taints if not any(_covers(toleration, taint) for toleration in tolerations)]


def is_lifecycle(taint: Taint) -> bool:
    """Whether Kubernetes sets the taint for the state of a node, and removes it again."""
    return taint.key.startswith(_LIFECYCLE)


def _covers(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    exists = toleration.operator == "Exists"
    if not toleration.key:
        return exists  # without a key only Exists is valid, and it covers every taint
    return toleration.key == taint.key and (exists or (toleration.value or "") == taint.value)

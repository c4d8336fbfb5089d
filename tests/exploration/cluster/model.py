"""The API server's objects and the operator's memory as one immutable value, so that a search can hash and branch it.

Times are in ticks of ``TICK_SECONDS``. Pods and workloads have numbers, which grow with their age and serve as UIDs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import NamespacedName

TICK_SECONDS = 30.0

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An applied object. ``digest`` stands for its pod template, as a ReplicaSet's hash does, ``words`` for its metadata."""

    digest: str
    words: str = ""
    content: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A ModelDeployment. ``variant`` is the index of its spec among those of the fleet; ``status`` is JSON."""

    key: NamespacedName
    number: int
    variant: int
    generation: int = 1
    status: str = "{}"

    @property
    def uid(self) -> str:
        """UID in owner references."""
        return f"model-{self.number}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment; ``observed`` is the generation that its controller has seen, ``failure`` that of its ReplicaSet."""

    key: NamespacedName
    number: int
    owner: str
    pool: str
    devices: int
    manifest: Manifest
    replicas: int
    surge: bool
    generation: int = 1
    observed: int = 0
    failure: str = ""

    @property
    def uid(self) -> str:
        """UID in preconditions."""
        return f"workload-{self.number}"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a workload. ``problem`` is the component's message while it does not run."""

    number: int
    workload: int
    manifest: Manifest
    created: int
    node: str = ""
    ready: bool = False
    deleting: bool = False
    marked: bool = False
    problem: str = ""

    @property
    def uid(self) -> str:
        """UID in deletion costs."""
        return f"pod-{self.number}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node with devices of one kind; ``foreign`` of them are held by a pod of somebody else."""

    name: str
    pool: str
    devices: int
    ready: bool = True
    tainted: bool = False
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Pool:
    """An AcceleratorPool; ``status`` is JSON. Images of a pool that is not ``pullable`` do not start."""

    name: str
    status: str = "{}"
    pullable: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """The Service of a model."""

    key: NamespacedName
    number: int
    owner: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Server:
    """What is stored. ``full`` are namespaces whose quota admits no further pod."""

    models: tuple[Model, ...] = ()
    pools: tuple[Pool, ...] = ()
    nodes: tuple[Node, ...] = ()
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    full: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Write:
    """A request that the operator has sent. ``verb`` is the name of its action, or ``Status``; ``target`` is a UID.

    ``takers`` are the deployments for which the plan behind it takes a replica away, with the UIDs of the victims.
    """

    verb: str
    key: NamespacedName
    deployment: NamespacedName
    target: str = ""
    service: bool = False
    manifest: Manifest | None = None
    replicas: int = 0
    surge: bool = False
    statuses: tuple[tuple[str, NamespacedName, str], ...] = ()
    takers: tuple[NamespacedName, ...] = ()


@dataclass(frozen=True, slots=True)
class Debt:
    """A replica that was taken away and has not been made up for: neither serves the taker more, nor the victim again."""

    taker: NamespacedName
    victim: NamespacedName
    taker_ready: int
    victim_ready: int


@dataclass(frozen=True, slots=True)
class State:
    """Everything. ``stale`` are kinds whose watch hangs, with what the operator saw last; ``held`` are writes under way.

    ``edits`` counts the user's edits that were made; ``budget`` are the faults that may still happen.
    """

    server: Server
    now: int = 0
    numbers: int = 1
    stale: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    in_flight: tuple[Write, ...] = ()
    held: tuple[Write, ...] = ()
    failures: tuple[tuple[NamespacedName, WriteFailure], ...] = ()
    debts: frozenset[Debt] = frozenset()
    edits: int = 0
    budget: int = 0

"""Small fleets: two or three deployments, two pools, two to four nodes; replicas of one size, so that there is one best end."""

from __future__ import annotations

from typing import Any

from exploration.cluster.model import Model, Node, Pool, Server
from exploration.cluster.views import Fleet
from factories import ASCEND, POOL_LABEL
from modelmatrix.planning.snapshot.views import NamespacedName

TECHNICAL = ("crash", "lag", "refusal", "hold")
CLUSTER = ("node", "taint", "image", "quota", "pod")
A, B, C = (NamespacedName(f"tenant-{name}", name) for name in ("a", "b", "c"))


def spec(priority: str, replicas: int, *pools: str, **fields: Any) -> dict[str, Any]:
    """A spec with replicas of four devices: two fill a node."""
    candidates = [{"name": name, "parallelism": {"tensor": 4}} for name in pools or ("one", "two")]
    model = {"name": "Qwen3-32B", "source": "pvc://weights/model"}
    return {"model": model, "quantization": "W8A8", "pools": candidates, "priority": priority, "replicas": replicas, **fields}


def pool(name: str) -> dict[str, Any]:
    """The spec of a pool whose nodes carry its name."""
    return {"accelerator": "910b-64g", "resourceName": ASCEND, "nodeSelector": {POOL_LABEL: name}}


def server(*models: tuple[NamespacedName, int], one: int = 1, two: int = 1, **fields: Any) -> Server:
    """Deployments with the variants of their specs, and two pools with so many nodes of eight devices."""
    nodes = [Node(f"{name}-{index}", name, 8) for name, count in (("one", one), ("two", two)) for index in range(count)]
    made = tuple(Model(key, number, variant) for number, (key, variant) in enumerate(models))
    return Server(models=made, pools=(Pool("one"), Pool("two")), nodes=tuple(nodes), **fields)


def fleet(
    name: str, start: Server, variants: list[dict[str, Any]], *edits: tuple[NamespacedName, int | None], **fields: Any
) -> Fleet:
    """A fleet with the pools of ``server``."""
    faults = fields.pop("faults", (*TECHNICAL, *CLUSTER))
    return Fleet(name, tuple(variants), (pool("one"), pool("two")), start, edits, faults)


FLEETS = (
    fleet(
        "a deployment grows, shrinks and goes",
        server((A, 0), (B, 1)),
        [spec("P1", 1), spec("P2", 1), spec("P1", 2)],
        (A, 2),
        (A, 0),
        (B, None),
    ),
    fleet(
        "a taker of the highest priority comes to a full pool",
        server((A, 0), (B, 1), one=1, two=1),
        [spec("P0", 0), spec("P3", 4), spec("P0", 2)],
        (A, 2),
    ),
    fleet(
        "a taker that its quota refuses",
        server((A, 0), (B, 1), full=frozenset({A.namespace})),
        [spec("P0", 0), spec("P3", 4), spec("P0", 2)],
        (A, 2),
    ),
    fleet(
        "three priorities on what is short",
        server((A, 0), (B, 1), (C, 2), one=2, two=0),
        [spec("P0", 1, "one"), spec("P2", 2, "one"), spec("P3", 1, "one"), spec("P0", 2, "one")],
        (A, 3),
        (B, None),
    ),
    fleet(
        "a deployment changes its pool and its model's length",
        server((A, 0), (B, 1), one=1, two=1),
        [spec("P1", 2, "one"), spec("P2", 1, "two"), spec("P1", 2, "two"), spec("P1", 2, "one", maxModelLen=4096)],
        (A, 3),
        (B, None),
        (A, 2),
    ),
)

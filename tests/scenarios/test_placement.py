"""State in, plan out: where replicas go. A row has pools with their nodes, deployments, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from factories import NVIDIA, deployment, nodes, pod, pool
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, NodeView, PodView, PoolView
from scenarios.world import World, rest

FP8 = {"quantization": "FP8"}
BOTH: list[Any] = ["ascend-a", {"name": "nvidia-a", **FP8}]
FLAGSHIP = {"name": "flagship", "model": "DeepSeek-R1"}  # two whole nodes of eight 910B


def two_pools(ascend: int = 1, nvidia: int = 1, **limits: int) -> tuple[tuple[PoolView, ...], tuple[NodeView, ...]]:
    """An Ascend and an NVIDIA pool on two sites with so many nodes."""
    pools = (
        pool(name="ascend-a", site="site-a", price={"amount": "6.80", "currency": "CNY"}, limit=limits.get("ascend_limit")),
        pool(
            name="nvidia-a",
            accelerator="h20-96g",
            site="site-b",
            price={"amount": "3.20", "currency": "CNY"},
            limit=limits.get("nvidia_limit"),
        ),
    )
    return pools, (*nodes(ascend), *nodes(nvidia, pool="nvidia-a", resource=NVIDIA))


@dataclass(frozen=True)
class Case:
    """Deployments on two pools, and for each its placements and the reason of its Ready condition."""

    name: str
    fleet: Sequence[DeploymentView]
    expected: dict[str, tuple[str, str]]
    ascend: int = 1
    nvidia: int = 1
    limits: dict[str, int] = field(default_factory=dict)
    guests: Sequence[PodView] = ()

    def world(self) -> World:
        """The cluster of the row."""
        pools, there = two_pools(self.ascend, self.nvidia, **self.limits)
        return World(
            deployments={view.key: view for view in self.fleet},
            pools={view.name: view for view in pools},
            nodes={view.name: view for view in there},
            foreign={view.key: view for view in self.guests},
        )


CASES = [
    Case(
        "everything on the first pool",
        [deployment(pools=BOTH, replicas=3)],
        {"assistant": ("ascend-a/W8A8:3", "ReplicasReady")},
    ),
    Case(
        "the first pool first, the rest spills",
        [deployment(pools=BOTH, replicas=10)],
        {"assistant": ("ascend-a/W8A8:8 nvidia-a/FP8:2", "ReplicasReady")},
    ),
    Case(
        "the pools full, the rest waits",
        [deployment(pools=BOTH, replicas=20)],
        {"assistant": ("ascend-a/W8A8:8 nvidia-a/FP8:8", "InsufficientDevices")},
    ),
    Case(
        "cheapest pool first",
        [deployment(pools=BOTH, replicas=10, placement="Cheapest")],
        {"assistant": ("ascend-a/W8A8:2 nvidia-a/FP8:8", "ReplicasReady")},
    ),
    Case(
        "spread evenly over sites",
        [deployment(pools=BOTH, replicas=5, placement="Spread")],
        {"assistant": ("ascend-a/W8A8:3 nvidia-a/FP8:2", "ReplicasReady")},
    ),
    Case(
        "spread as evenly as there is room",
        [deployment(pools=BOTH, replicas=6, placement="Spread")],
        {"assistant": ("ascend-a/W8A8:4 nvidia-a/FP8:2", "ReplicasReady")},
        limits={"nvidia_limit": 2},
    ),
    Case("two whole nodes", [deployment(**FLAGSHIP)], {"flagship": ("ascend-a/W8A8:1", "ReplicasReady")}, ascend=2),
    Case(
        "whole nodes are not there",
        [deployment(**FLAGSHIP)],
        {"flagship": ("-", "InsufficientDevices")},
        ascend=2,
        guests=[pod(name="guest", node="ascend-a-0", devices=1)],
    ),
    Case(
        "one node is too few for a group",
        [deployment(**FLAGSHIP)],
        {"flagship": ("-", "InsufficientDevices")},
        ascend=1,
    ),
    Case(
        "a group before small ones of the same priority",
        [deployment(replicas=9), deployment(**FLAGSHIP)],
        {"flagship": ("ascend-a/W8A8:1", "ReplicasReady"), "assistant": ("ascend-a/W8A8:8", "InsufficientDevices")},
        ascend=3,
    ),
    Case(
        "small ones of a higher priority before a group",
        [deployment(replicas=9, priority="P1"), deployment(**FLAGSHIP)],
        {"flagship": ("-", "InsufficientDevices"), "assistant": ("ascend-a/W8A8:9", "ReplicasReady")},
        ascend=3,
    ),
    Case(
        "everyone's first replica before anyone's second",
        [deployment(name="first", replicas=8), deployment(name="second", replicas=8)],
        {"first": ("ascend-a/W8A8:7", "InsufficientDevices"), "second": ("ascend-a/W8A8:1", "InsufficientDevices")},
    ),
    Case(
        "below the limit of the pool",
        [deployment(replicas=8)],
        {"assistant": ("ascend-a/W8A8:3", "InsufficientDevices")},
        limits={"ascend_limit": 3},
    ),
    Case("suspended", [deployment(replicas=3, suspend=True)], {"assistant": ("-", "Suspended")}),
    Case("scaled to zero", [deployment(replicas=0)], {"assistant": ("-", "ScaledToZero")}),
    Case(
        "impossible as written",
        [deployment(quantization="FP8")],
        {"assistant": ("-", "QuantizationUnsupported")},
    ),
    Case("no such pool", [deployment(pools=["nowhere"])], {"assistant": ("-", "PoolNotFound")}),
    Case(
        "one pool impossible, the other not",
        [deployment(pools=[{"name": "ascend-a", **FP8}, {"name": "nvidia-a", **FP8}])],
        {"assistant": ("nvidia-a/FP8:1", "ReplicasReady")},
    ),
    Case(
        "packed into the fullest node",
        [deployment(replicas=2)],
        {"assistant": ("ascend-a/W8A8:2", "ReplicasReady")},
        ascend=2,
        guests=[pod(name="guest", node="ascend-a-1", devices=6)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_placement(case: Case) -> None:
    world = case.world()
    statuses = rest(world).statuses
    found = {
        key.name: (status["placementSummary"], next(c["reason"] for c in status["conditions"] if c["type"] == "Ready"))
        for key, status in statuses.items()
    }
    assert found == case.expected


def test_best_fit_leaves_the_empty_node_whole() -> None:
    world = CASES[-1].world()
    rest(world)
    assert {item.node for item in world.pods} == {"ascend-a-1"}


def test_a_higher_priority_takes_the_devices_of_a_lower_one_and_not_more() -> None:
    world = Case("full", [deployment(name="batch", priority="P3", replicas=8)], {}).world()
    rest(world)
    world.deployments[NamespacedName("bank", "urgent")] = deployment(name="urgent", priority="P0", replicas=2)
    made = rest(world)
    assert made.statuses[NamespacedName("bank", "urgent")]["readyReplicas"] == 2
    batch = made.statuses[NamespacedName("bank", "batch")]
    assert batch["readyReplicas"] == 6
    ready = batch["conditions"][0]
    assert (ready["reason"], ready["message"].startswith("2 replicas gave way: 2 to bank/urgent")) == ("Displaced", True)


def test_the_same_priority_takes_nothing() -> None:
    world = Case("full", [deployment(name="batch", priority="P1", replicas=8)], {}).world()
    rest(world)
    world.deployments[NamespacedName("bank", "urgent")] = deployment(name="urgent", priority="P1", replicas=2)
    made = rest(world)
    assert made.statuses[NamespacedName("bank", "batch")]["readyReplicas"] == 8
    assert made.statuses[NamespacedName("bank", "urgent")]["readyReplicas"] == 0


def test_a_group_displaces_the_least_important_replicas_of_two_nodes() -> None:
    batch, office = deployment(name="batch", priority="P3", replicas=8), deployment(name="office", priority="P2", replicas=16)
    world = Case("full", [batch, office], {}, ascend=3).world()
    rest(world)
    world.deployments[NamespacedName("bank", "flagship")] = deployment(priority="P0", **FLAGSHIP)
    made = rest(world)
    assert made.statuses[NamespacedName("bank", "flagship")]["readyReplicas"] == 1
    assert made.statuses[NamespacedName("bank", "batch")]["readyReplicas"] == 0
    assert made.statuses[NamespacedName("bank", "office")]["readyReplicas"] == 8


def scaled(by_pool: dict[str, int]) -> dict[NamespacedName, ScaleDecision]:
    """A scaling policy's word on where the replicas of the assistant belong."""
    return {
        NamespacedName("bank", "assistant"): ScaleDecision(
            sum(by_pool.values()), Reason.LOAD_RISING, "12 requests/s in 180 s", by_pool
        )
    }


def test_replicas_go_where_the_scaling_policy_wants_them_and_come_back_start_before_stop() -> None:
    pools, there = two_pools()
    fleet = deployment(pools=BOTH, scaling={"minReplicas": 1, "maxReplicas": 8})
    state = World({fleet.key: fleet}, {view.name: view for view in pools}, {view.name: view for view in there})

    def summary(by_pool: dict[str, int]) -> str:
        made = rest(state, decisions=scaled(by_pool))
        return str(made.statuses[fleet.key]["placementSummary"])

    assert summary({"ascend-a": 2, "nvidia-a": 1}) == "ascend-a/W8A8:2 nvidia-a/FP8:1"
    assert summary({"ascend-a": 2, "nvidia-a": 3}) == "ascend-a/W8A8:2 nvidia-a/FP8:3"
    assert summary({"ascend-a": 1, "nvidia-a": 3}) == "ascend-a/W8A8:1 nvidia-a/FP8:3"
    assert summary({"ascend-a": 4, "nvidia-a": 3}) == "ascend-a/W8A8:4 nvidia-a/FP8:3"
    assert summary({"ascend-a": 4}) == "ascend-a/W8A8:4"


def test_a_share_of_a_full_pool_is_placed_on_another() -> None:
    pools, there = two_pools()
    fleet = deployment(pools=BOTH, scaling={"minReplicas": 1, "maxReplicas": 8})
    guest = pod(name="guest", node="nvidia-a-0", devices=8, resource=NVIDIA)
    state = World(
        {fleet.key: fleet},
        {view.name: view for view in pools},
        {view.name: view for view in there},
        foreign={guest.key: guest},
    )
    made = rest(state, decisions=scaled({"nvidia-a": 2}))
    assert made.statuses[fleet.key]["placementSummary"] == "ascend-a/W8A8:2"


def test_a_share_alone_moves_nothing() -> None:
    """Whoever wants a move asks for one more replica first: what runs is not stopped for a place elsewhere."""
    pools, there = two_pools()
    fleet = deployment(pools=BOTH, scaling={"minReplicas": 1, "maxReplicas": 8})
    state = World({fleet.key: fleet}, {view.name: view for view in pools}, {view.name: view for view in there})
    rest(state, decisions=scaled({"nvidia-a": 2}))
    assert state.plan(decisions=scaled({"ascend-a": 2})).actions == ()

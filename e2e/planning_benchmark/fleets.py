"""Fleets of any size: four kinds of deployments on four pools, and the objects that their plan creates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.views.objects import service_view, workload_view
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, NodeView, PodView, PoolView

NOW = 1_790_000_000.0
DEPLOYMENTS_PER_NODE = 4  # as in the budget: 2,000 deployments on 500 nodes
POOL_LABEL = "modelmatrix.io/pool"
# Pool, accelerator, resource, devices per node, share of the nodes.
POOLS = (
    ("north", "910b-64g", "huawei.com/Ascend910", 8, 0.4),
    ("south", "910b-64g", "huawei.com/Ascend910", 8, 0.3),
    ("west", "h20-96g", "nvidia.com/gpu", 8, 0.2),
    ("east", "a3-die-64g", "huawei.com/Ascend910", 16, 0.1),
)
# Of a hundred deployments most use one or two devices, some half a server, few two whole servers.
KINDS: tuple[tuple[int, dict[str, Any]], ...] = (
    (48, {"model": "Qwen3-8B", "quantization": "W8A8", "pools": ["north", "south", "east"], "replicas": 1}),
    (30, {"model": "Qwen3-32B", "quantization": "W8A8", "pools": ["north", "south"], "placement": "Spread", "replicas": 2}),
    (14, {"model": "bge-m3", "quantization": "FP16", "pools": ["west", "north"], "replicas": 1}),
    (6, {"model": "Qwen2.5-72B", "quantization": "FP8", "pools": ["west"], "replicas": 1}),
    (2, {"model": "DeepSeek-R1", "quantization": "W8A8", "pools": ["north", "south"], "replicas": 1}),
)
SPECS = tuple(spec for share, spec in KINDS for _ in range(share))


def fresh(deployments: int, *, generation: int = 1) -> Snapshot:
    """A fleet without any objects yet. A new ``generation`` must be rendered again."""
    nodes = max(len(POOLS), -(-deployments // DEPLOYMENTS_PER_NODE))
    return Snapshot(
        now_seconds=NOW,
        catalogue=builtin(),
        pools=tuple(_pool(name, chip, resource, generation) for name, chip, resource, *_ in POOLS),
        nodes=tuple(_nodes(nodes)),
        deployments=tuple(_deployment(index, generation) for index in range(deployments)),
    )


def settled(snapshot: Snapshot, made: Plan) -> Snapshot:
    """The fleet after its plan was executed: all objects exist, all pods are ready, all statuses are written."""
    objects = [_stored(action) for action in made.actions if isinstance(action, Create)]
    workloads = [view for item in objects if item["kind"] != "Service" if (view := workload_view(item))]
    services = [view for item in objects if item["kind"] == "Service" if (view := service_view(item))]
    written = tuple(replace(view, status=made.statuses[view.key]) for view in snapshot.deployments)
    pods = tuple(_pods(made))
    return replace(snapshot, deployments=written, workloads=tuple(workloads), services=tuple(services), pods=pods)


def with_one_more(snapshot: Snapshot) -> Snapshot:
    """The settled fleet and one new deployment."""
    return replace(snapshot, deployments=(*snapshot.deployments, _deployment(len(snapshot.deployments), 1)))


def _pool(name: str, chip: str, resource: str, generation: int) -> PoolView:
    spec = {"accelerator": chip, "resourceName": resource, "nodeSelector": {POOL_LABEL: name}, "site": name}
    spec["price"] = {"amount": "6.80", "currency": "CNY"}
    return PoolView(name, f"uid-{name}", generation, AcceleratorPoolSpec.model_validate(spec))


def _nodes(count: int) -> Iterator[NodeView]:
    for name, _, resource, devices, share in POOLS:
        for index in range(max(1, round(share * count))):
            there = {resource: devices}
            yield NodeView(
                f"{name}-{index}", {POOL_LABEL: name}, ready=True, schedulable=True, allocatable=there, capacity=there
            )


def _deployment(index: int, generation: int) -> DeploymentView:
    spec = dict(SPECS[index * 37 % len(SPECS)])  # 37 and 100 have no common factor: kinds are mixed
    spec["model"] = {"name": spec["model"], "source": "pvc://weights/model"}
    spec["pools"] = [{"name": name} for name in spec["pools"]]
    spec |= {"priority": f"P{index % 4}", "maxModelLen": 8192}
    return DeploymentView(
        key=NamespacedName(f"tenant-{index % 50}", f"model-{index}"),
        uid=f"uid-{index}",
        generation=generation,
        created_seconds=NOW - index,
        spec=ModelDeploymentSpec.model_validate(spec),
    )


def _stored(action: Create) -> dict[str, Any]:
    metadata = {**action.manifest["metadata"], "uid": f"uid-{action.kind.plural}-{action.key}", "generation": 1}
    return {**action.manifest, "metadata": metadata}


def _pods(made: Plan) -> Iterator[PodView]:
    """The pods of every replica, on the nodes that the plan has chosen."""
    for deployment in made.deployments.values():
        for item in deployment.placements:
            for index, nodes in enumerate(item.new_nodes):
                for rank, node in enumerate(nodes):
                    name = f"{item.target.key.name}-{index}-{rank}"
                    yield PodView(
                        key=NamespacedName(item.target.key.namespace, name),
                        uid=f"uid-{item.target.key.namespace}-{name}",
                        node=node,
                        devices={item.target.pool_spec.resource_name: item.target.layout.devices_per_node},
                        created_seconds=NOW - 3600,
                        workload=item.target.key.name,
                        leader=rank == 0,
                        group=str(index) if item.option.nodes > 1 else "",
                        ready=True,
                        ready_seconds=NOW - 3000,
                    )

"""The life of a small fleet as a cycle of steps: each begins where the last one ended, and the last ends as the first began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from banks.matrix import ACCELERATORS
from banks.nodes_and_pools import kwok_node

POOLS = {"faults-one": 2, "faults-two": 1}
NAMESPACE, OTHERS = "faults", "faults-others"
ONE, TWO = POOLS
ASCEND = ACCELERATORS["ascend-910b"]

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What the user does: specs by name, ``None`` to delete."""

    title: str
    specs: tuple[tuple[str, Object | None], ...]


def spec(replicas: int, *pools: str, priority: str = "P2", **fields: Any) -> Object:
    """Replicas of four devices; two fill a node."""
    candidates = [{"name": name, "parallelism": {"tensor": 4}} for name in pools]
    model = {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b-w8a8"}
    return {
        "model": model,
        "quantization": "W8A8",
        "pools": candidates,
        "maxModelLen": 8192,
        "replicas": replicas,
        "priority": priority,
        **fields,
    }


START: tuple[tuple[str, Object], ...] = (("alpha", spec(2, ONE)), ("beta", spec(1, TWO)))
STEPS = (
    Step("grows", (("alpha", spec(3, ONE)),)),
    Step("comes", (("gamma", spec(1, TWO, priority="P3")),)),
    Step("moves", (("beta", spec(1, ONE)),)),
    Step("shrinks", (("alpha", spec(1, ONE)),)),
    Step("rolls, and another grows", (("gamma", spec(1, TWO, priority="P3", maxModelLen=4096)), ("beta", spec(2, ONE)))),
    Step("goes", (("gamma", None),)),
    Step("moves back", (("beta", spec(1, TWO)),)),
    Step("is as before", (("alpha", spec(2, ONE)),)),
)


def deployment(name: str, content: Object) -> Object:
    """A ModelDeployment."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": content}


def estate() -> list[Object]:
    """Namespaces, nodes and pools."""
    made: list[Object] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NAMESPACE, OTHERS)]
    for name, count in POOLS.items():
        made += [kwok_node(f"{name}-{index}", name, ASCEND, 8) for index in range(count)]
        made.append({**_pool(name), "spec": pool_spec(name)})
    return made


def _pool(name: str) -> Object:
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "AcceleratorPool", "metadata": {"name": name}}


def pool_spec(name: str) -> Object:
    """The spec of a pool whose nodes carry its name."""
    return {
        "accelerator": ASCEND.accelerator,
        "resourceName": ASCEND.resource,
        "nodeSelector": {"modelmatrix.io/pool": name},
        "tolerations": [{"operator": "Exists"}],
    }


def canaries() -> list[Object]:
    """Objects of others: one that looks like ours, one that only has a name of the kind that we give, one without anything."""
    ours = {"app.kubernetes.io/managed-by": "modelmatrix", "modelmatrix.io/deployment": "alpha"}
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "somebody", "uid": "0-0-0-0", "controller": True}
    container = {"name": "main", "image": "registry.example/other:1"}
    template = {"metadata": {"labels": {"app": "canary"}}, "spec": {"containers": [container]}}
    workload = {"replicas": 0, "selector": {"matchLabels": {"app": "canary"}}, "template": template}
    port = {"port": 80, "targetPort": 8000}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "canary", "namespace": NAMESPACE, "labels": ours, "annotations": {"owner": "somebody"}},
            "spec": workload,
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "canary", "namespace": NAMESPACE, "labels": {"app": "canary"}},
            "spec": {"selector": {"app": "canary"}, "ports": [port]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "alpha-0000000", "namespace": OTHERS, "labels": ours, "annotations": {"was": str(owner)}},
            "spec": workload,
        },
    ]

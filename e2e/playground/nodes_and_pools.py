"""The nodes, namespaces and volumes of a playground, for the institution and for the examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from banks.matrix import ACCELERATORS, ServerAccelerator
from banks.nodes_and_pools import kwok_node
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError

ASCEND_NODES, NVIDIA_NODES, DEVICES = 3, 1, 8
EXAMPLE_NAMESPACES = ("remote-banking", "knowledge", "credit-approval")
CLAIMS = (("remote-banking", "weights"),)

WARNING = "Warning: "

Manifest = dict[str, Any]


def populate(cluster: Cluster, bank_folder: Path) -> None:
    """Create the nodes of the institution and of the examples, and the namespaces and volumes of the examples."""
    cluster.apply(bank_folder / "local" / "nodes.yaml")
    cluster.apply([*_example_nodes()])
    apply_as_user(cluster, [*_namespaces()])
    cluster.apply([*_volumes()])


def apply_as_user(cluster: Cluster, manifests: Path | list[Manifest]) -> None:
    """``kubectl apply -f`` as users run it, so that a later apply of theirs causes no conflict or warning.

    Raises:
        LocalClusterError: the API server refused a manifest.
    """
    if isinstance(manifests, Path):
        cluster.kubectl("apply", "-f", str(manifests))
    else:
        cluster.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(item) for item in manifests))


def warnings_of_apply(cluster: Cluster, manifests: Path | list[Manifest], *flags: str) -> list[str]:
    """What ``kubectl apply -f`` prints as warnings; the objects are stored all the same.

    Raises:
        LocalClusterError: the API server refused.
    """
    source, text = (str(manifests), "") if isinstance(manifests, Path) else ("-", "\n---\n".join(map(json.dumps, manifests)))
    try:
        cluster.kubectl("apply", "--warnings-as-errors", "-f", source, *flags, stdin=text)
    except LocalClusterError as error:
        lines = error.why.splitlines()
        if not error.why.endswith(("warning received", "warnings received")):
            raise
        return [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]
    return []


def _example_nodes() -> Iterator[Manifest]:
    """Three servers with eight 910B3 each and one with eight H20, with the labels of the examples' pools, without taints."""
    for index in range(ASCEND_NODES):
        yield kwok_node(f"ascend-a-{index}", "ascend-a", ACCELERATORS["ascend-910b"], DEVICES)
    for index in range(NVIDIA_NODES):
        yield kwok_node(f"nvidia-a-{index}", "nvidia-a", _untainted(ACCELERATORS["nvidia-h20"]), DEVICES)


def _untainted(accelerator: ServerAccelerator) -> ServerAccelerator:
    return replace(accelerator, tainted=False)


def _namespaces() -> Iterator[Manifest]:
    for name in EXAMPLE_NAMESPACES:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _volumes() -> Iterator[Manifest]:
    """The claims with the weights of the examples; kwok nodes mount nothing, so the claims must only be bound."""
    for namespace, claim in CLAIMS:
        size, modes = {"storage": "10Ti"}, ["ReadOnlyMany"]
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{namespace}-{claim}"},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "hostPath": {"path": "/weights"},
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {"namespace": namespace, "name": claim},
            },
        }
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": namespace},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": f"{namespace}-{claim}",
                "resources": {"requests": size},
            },
        }

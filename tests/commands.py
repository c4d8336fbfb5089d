"""Runs commands of the plugin as users type them, and writes their input files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from fakes.apiserver import FakeApiServer
from modelmatrix.api import names
from modelmatrix.cli.main import main
from modelmatrix.planning.snapshot.views import NamespacedName

Manifest = dict[str, Any]
KINDS = {kind.kind: kind for kind in vars(names).values() if isinstance(kind, names.Kind)}
AT = "2026-11-23T10:00:00+08:00"  # a Monday


def matrix(*arguments: str) -> Result:
    """The output of a command."""
    return CliRunner().invoke(main, list(arguments), env={"COLUMNS": "100"})


def document(*arguments: str) -> Any:
    """The output of a command, parsed as JSON."""
    return json.loads(matrix(*arguments, "-o", "json").stdout)


async def matrix_online(api: FakeApiServer, folder: Path, *arguments: str, namespace: str = "bank") -> Result:
    """The output of a command with a kubeconfig of the fake API server."""
    path = folder / "kubeconfig"
    cluster = {"clusters": [{"name": "c", "cluster": {"server": api.url}}], "users": [{"name": "u", "user": {}}]}
    context = {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": namespace}}]}
    config = {"apiVersion": "v1", "kind": "Config", **cluster, **context, "current-context": "x"}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return await asyncio.to_thread(matrix, *arguments, "--kubeconfig", str(path))


def put(api: FakeApiServer, manifests: Iterable[Manifest]) -> None:
    """Store manifests as the API server would."""
    for item in manifests:
        fields = {key: value for key, value in item.items() if key not in ("apiVersion", "kind")}
        api.put(KINDS[item["kind"]], NamespacedName(item["metadata"].get("namespace", ""), item["metadata"]["name"]), **fields)


def write(folder: Path, manifests: Iterable[Manifest], name: str = "files") -> str:
    """The path of a file with manifests."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return str(path)


def pool(name: str = "ascend-a", **spec: Any) -> Manifest:
    """A pool of 910B."""
    own = {"accelerator": "910b-64g", "resourceName": "huawei.com/Ascend910", "nodeSelector": {"modelmatrix.io/pool": name}}
    own |= {"site": "site-a", "price": {"amount": "6.80", "currency": "CNY"}}
    return _manifest("AcceleratorPool", name, own | spec)


def node(name: str, pool_name: str = "ascend-a", resource: str = "huawei.com/Ascend910", devices: str = "8") -> Manifest:
    """A node that is ready."""
    status = {
        "allocatable": {resource: devices},
        "capacity": {resource: devices},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    labels = {"modelmatrix.io/pool": pool_name}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def deployment(name: str = "chat", *, namespace: str = "bank", **spec: Any) -> Manifest:
    """A deployment of Qwen3-32B W8A8 on half a server."""
    own: Manifest = {
        "model": {"name": "Qwen3-32B", "source": "pvc://weights/qwen3-32b-w8a8"},
        "quantization": "W8A8",
        "pools": [{"name": "ascend-a", "parallelism": {"tensor": 4}}],
    }
    made = _manifest("ModelDeployment", name, own | spec)
    return made | {"metadata": {"name": name, "namespace": namespace}}


def _manifest(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}

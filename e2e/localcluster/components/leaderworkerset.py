"""The LeaderWorkerSet controller as a local process; the API server calls its webhooks by URL instead of by Service."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from pathlib import Path

    from localcluster.paths import ClusterFolder

USER = "leaderworkerset"
_WEBHOOK_PATH = "/validate-leaderworkerset-x-k8s-io-v1-leaderworkerset"
_ROLE = "leaderworkerset-controller"
# Its webhooks fail closed: without this selector every pod of the cluster would depend on this controller.
_GROUP_PODS_ONLY = {"matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}]}


def configure(folder: ClusterFolder, state: State) -> None:
    """Write the controller's configuration."""
    content = {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "webhook": {
            "host": "127.0.0.1",
            "port": state.ports["leaderworkerset-webhook"],
            "certDir": str(folder.pki),
        },
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{state.ports['leaderworkerset-health']}"},
    }
    (folder.config / "leaderworkerset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def process(folder: ClusterFolder, state: State) -> ProcessRecord:
    """The process of the controller. It is ready when a webhook answers, which is after its health endpoint does."""
    return ProcessRecord(
        name="leaderworkerset",
        argv=(
            state.programs["leaderworkerset"],
            f"--config={folder.config / 'leaderworkerset.yaml'}",
            f"--kubeconfig={folder.component_kubeconfig(USER)}",
            "--leader-elect=false",
            "--zap-log-level=info",
        ),
        environment={},
        ready_url=f"https://127.0.0.1:{state.ports['leaderworkerset-webhook']}{_WEBHOOK_PATH}",
    )


def definition(shipped: Path) -> Path:
    """The file of the CRD; it has 1.3 MB, so it is passed on unparsed.

    Args:
        shipped: the `config` folder of the controller's Go module.
    """
    return shipped / "crd" / "bases" / "leaderworkerset.x-k8s.io_leaderworkersets.yaml"


def manifests(shipped: Path, *, webhook_url: str, authority: bytes) -> list[dict[str, Any]]:
    """The controller's objects besides the CRD: its role, the binding and the webhooks.

    Args:
        shipped: the `config` folder of the controller's Go module.
        webhook_url: the address of the webhooks, e.g. ``https://127.0.0.1:20001``.
        authority: the authority of their certificate, PEM.
    """
    documents = _role_and_binding(_load(shipped / "rbac" / "role.yaml")[0])
    for hooks in _load(shipped / "webhook" / "manifests.yaml"):
        hooks["metadata"]["name"] = f"lws-{hooks['metadata']['name']}"
        for hook in hooks["webhooks"]:
            _call_by_url(hook, webhook_url=webhook_url, authority=authority)
        documents.append(hooks)
    return documents


def _call_by_url(hook: dict[str, Any], *, webhook_url: str, authority: bytes) -> None:
    path = hook["clientConfig"]["service"]["path"]
    hook["clientConfig"] = {"url": webhook_url + path, "caBundle": base64.b64encode(authority).decode()}
    if any("pods" in rule["resources"] for rule in hook["rules"]):
        hook["objectSelector"] = _GROUP_PODS_ONLY


def _role_and_binding(role: dict[str, Any]) -> list[dict[str, Any]]:
    role["metadata"]["name"] = _ROLE
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _ROLE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _ROLE},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    return [role, binding]


def _load(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]

"""The chart on the cluster, and the operator processes that stand for its pods.

KWOK's pods do not run, so the operators run on this machine: with the command, the arguments and the environment of the
chart's Deployment, and with the token of its ServiceAccount. So the chart, its roles and the election are under test.

The webhook leads to one port of this machine, on which every operator listens: the kernel hands a connection to one of them,
as a Service does, and to the other when one has ended. The certificate is the chart's.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcluster.cluster import Cluster
from localcluster.paths import cache_root
from localcluster.processes.ports import reserve
from playground.options import MODEL_START, REPOSITORY

RELEASE = "modelmatrix"
NAMESPACE = "modelmatrix-system"
CHART = REPOSITORY / "charts" / "modelmatrix"
POLICY = REPOSITORY / "manifests" / "policies" / "everything.yaml"  # tests and stories use P0 in any namespace
# What the gateway counted in the last minute of model time, and in some scrapes at least.
MINUTE_SECONDS, FEW_SCRAPES_SECONDS = 60.0, 4.0
# What a pod gets from the kubelet, and addresses that must not clash on one machine.
REPLACED = ("MODELMATRIX_NAMESPACE", "MODELMATRIX_IDENTITY", "MODELMATRIX_METRICS_ADDRESS")
ADMISSION_FILES = {"MODELMATRIX_ADMISSION_CERTIFICATE_FILE": "tls.crt", "MODELMATRIX_ADMISSION_KEY_FILE": "tls.key"}


def install(cluster: Cluster, *, time_scale: float, time_origin: float) -> None:
    """Install or upgrade the chart with helm, and a policy that allows everything to every namespace."""
    folder = cluster.folder.path / "admission"
    folder.mkdir(exist_ok=True)
    (port,) = reserve(["admission"], owner=folder, registry=cache_root() / "ports").values()
    minute = max(FEW_SCRAPES_SECONDS, MINUTE_SECONDS / time_scale)
    gateway = f"sum by (namespace, deployment) (rate(gateway_requests_total[{minute:.0f}s]))"
    values = {
        "prometheus": {"url": cluster.prometheus_url, "gatewayQuery": gateway},
        "admission": {"url": f"https://127.0.0.1:{port}", "port": port},
        "operator": {
            "logFormat": "plain",
            "extraEnv": {
                "MODELMATRIX_TIME_SCALE": f"{time_scale:g}",
                "MODELMATRIX_TIME_ORIGIN": f"{time_origin:.3f}",
                "MODELMATRIX_TIME_START": f"{MODEL_START:.0f}",
            },
        },
    }
    values_file(cluster).write_text(json.dumps(values, indent=2), encoding="utf-8")
    upgrade(cluster)
    cluster.kubectl("apply", "--server-side", "-f", str(POLICY))


def values_file(cluster: Cluster) -> Path:
    """The values that the chart was installed with."""
    return cluster.folder.path / "values.json"


def upgrade(cluster: Cluster, *values: str) -> None:
    """Install or upgrade the chart with the values of the playground and some more, as for ``--set``."""
    release = ("upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace")
    flags = [flag for value in values for flag in ("--set", value)]
    cluster.helm(*release, "--values", str(values_file(cluster)), *flags)


def operator_names(cluster: Cluster) -> list[str]:
    """Names of the operator processes: as many as the Deployment has replicas."""
    return [f"operator-{index}" for index in range(int(_deployment(cluster)["spec"]["replicas"]))]


def start_operators(cluster: Cluster) -> None:
    """Start the operators and have Prometheus scrape them."""
    deployment = _deployment(cluster)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    token = cluster.service_account_token(NAMESPACE, account)
    kubeconfig = cluster.write_kubeconfig(cluster.folder.path / "operator.kubeconfig", token, namespace=NAMESPACE)
    ports = reserve(operator_names(cluster), owner=kubeconfig, registry=cache_root() / "ports")
    certificate = _certificate(cluster)
    addresses = []
    for name, port in ports.items():
        address = f"127.0.0.1:{port}"
        replaced = {
            "MODELMATRIX_NAMESPACE": NAMESPACE,
            "MODELMATRIX_IDENTITY": name,
            "MODELMATRIX_METRICS_ADDRESS": address,
            "KUBECONFIG": str(kubeconfig),
        }
        environment = _environment(container) | certificate | replaced
        cluster.start_process(name, _argv(container), environment, ready_url=f"http://{address}/readyz")
        addresses.append(address)
    cluster.scrape_operators(addresses)


def _certificate(cluster: Cluster) -> dict[str, str]:
    """The files of the webhook's Secret, as the kubelet would mount them, and the settings that name them."""
    secret = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "secret", f"{RELEASE}-admission", "-o", "json"))
    settings = {}
    for setting, name in ADMISSION_FILES.items():
        path = cluster.folder.path / "admission" / name
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(secret["data"][name]))
        settings[setting] = str(path)
    return settings


def _deployment(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "deployment", RELEASE, "-o", "json"))
    return found


def _argv(container: Mapping[str, Any]) -> list[str]:
    """The container's command with this machine's Python."""
    argv: list[str] = [*container["command"], *(container.get("args") or ())]
    return [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container["env"] if item["name"] not in REPLACED}

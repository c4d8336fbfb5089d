"""The chart on the cluster, and the operator processes that stand for its pods.

KWOK's pods do not run, so the operators run on this machine: with the command, the arguments and the environment of the
chart's Deployment, and with the token of its ServiceAccount. So the chart, its roles and the election are under test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from localcluster.cluster import Cluster
from localcluster.paths import cache_root
from localcluster.processes.ports import reserve
from playground.options import MODEL_START, REPOSITORY

RELEASE = "modelmatrix"
NAMESPACE = "modelmatrix-system"
CHART = REPOSITORY / "charts" / "modelmatrix"
# What the gateway counted in the last minute of model time, and in some scrapes at least.
MINUTE_SECONDS, FEW_SCRAPES_SECONDS = 60.0, 4.0
# What a pod gets from the kubelet, and addresses that must not clash on one machine.
REPLACED = ("MODELMATRIX_NAMESPACE", "MODELMATRIX_IDENTITY", "MODELMATRIX_METRICS_ADDRESS")


def install(cluster: Cluster, *, time_scale: float, time_origin: float) -> None:
    """Install or upgrade the chart with helm."""
    minute = max(FEW_SCRAPES_SECONDS, MINUTE_SECONDS / time_scale)
    gateway = f"sum by (namespace, deployment) (rate(gateway_requests_total[{minute:.0f}s]))"
    values = {
        "prometheus": {"url": cluster.prometheus_url, "gatewayQuery": gateway},
        "operator": {
            "logFormat": "plain",
            "extraEnv": {
                "MODELMATRIX_TIME_SCALE": f"{time_scale:g}",
                "MODELMATRIX_TIME_ORIGIN": f"{time_origin:.3f}",
                "MODELMATRIX_TIME_START": f"{MODEL_START:.0f}",
            },
        },
    }
    path = cluster.folder.path / "values.json"
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")
    cluster.helm(
        *("upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace", "--values", str(path))
    )


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
    addresses = []
    for name, port in ports.items():
        address = f"127.0.0.1:{port}"
        replaced = {
            "MODELMATRIX_NAMESPACE": NAMESPACE,
            "MODELMATRIX_IDENTITY": name,
            "MODELMATRIX_METRICS_ADDRESS": address,
            "KUBECONFIG": str(kubeconfig),
        }
        environment = _environment(container) | replaced
        cluster.start_process(name, _argv(container), environment, ready_url=f"http://{address}/readyz")
        addresses.append(address)
    cluster.scrape_operators(addresses)


def _deployment(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "deployment", RELEASE, "-o", "json"))
    return found


def _argv(container: Mapping[str, Any]) -> list[str]:
    """The container's command with this machine's Python."""
    argv: list[str] = [*container["command"], *(container.get("args") or ())]
    return [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container["env"] if item["name"] not in REPLACED}

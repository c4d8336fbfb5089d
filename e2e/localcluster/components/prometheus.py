"""Prometheus, which scrapes simulated engines and operators. Series of engines get the labels that a PodMonitor would set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localcluster.paths import ClusterFolder

# The pod label -> the label of the series, as podTargetLabels sets it.
_POD_TARGET_LABELS = {
    "modelmatrix_io_deployment": "modelmatrix_io_deployment",
    "modelmatrix_io_pool": "modelmatrix_io_pool",
    "modelmatrix_io_engine": "modelmatrix_io_engine",
}


def render(
    *, kubeconfig: str, folder: str, operator_targets: str, engines_address: str, scrape_interval_seconds: float
) -> dict[str, Any]:
    """Prometheus' configuration.

    Args:
        kubeconfig: the kubeconfig for the discovery of pods.
        folder: the folder with `rules/*.yml`.
        operator_targets: a file_sd list, e.g. ``[{"targets": ["127.0.0.1:9402"]}]``; Prometheus watches it.
        engines_address: host:port of the server that simulates every engine.
        scrape_interval_seconds: also the interval of rules, and the timeout.
    """
    interval = f"{round(scrape_interval_seconds * 1000)}ms"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [f"{folder}/rules/*.yml"],
        "scrape_configs": [
            _engines(kubeconfig=kubeconfig, address=engines_address),
            {
                "job_name": "gateway",
                "honor_labels": True,  # its series carry the namespaces of deployments
                "static_configs": [{"targets": [engines_address]}],
            },
            {
                "job_name": "operator",
                "honor_labels": True,  # as in the chart's monitors
                "file_sd_configs": [{"files": [operator_targets], "refresh_interval": "5s"}],
            },
        ],
    }


def configure(folder: ClusterFolder, state: State) -> None:
    """Write the configuration and an empty list of operators."""
    (folder.prometheus / "rules").mkdir(parents=True, exist_ok=True)
    write_operator_targets(folder, [])
    content = render(
        kubeconfig=str(folder.component_kubeconfig("prometheus")),
        folder=str(folder.prometheus),
        operator_targets=str(folder.operator_targets),
        engines_address=f"127.0.0.1:{state.ports['engines']}",
        scrape_interval_seconds=state.scrape_interval_seconds,
    )
    (folder.prometheus / "prometheus.yml").write_text(yaml.safe_dump(content, sort_keys=False))


def write_operator_targets(folder: ClusterFolder, addresses: Sequence[str]) -> None:
    """Set the metrics addresses (host:port) of operators; Prometheus watches the file."""
    scratch = folder.operator_targets.with_suffix(".new")
    scratch.write_text(json.dumps([{"targets": list(addresses)}] if addresses else []))
    scratch.replace(folder.operator_targets)


def process(folder: ClusterFolder, state: State) -> ProcessRecord:
    """The process of Prometheus."""
    return ProcessRecord(
        name="prometheus",
        argv=(
            state.programs["prometheus"],
            f"--config.file={folder.prometheus / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder.data / 'prometheus'}",
            "--storage.tsdb.retention.time=1d",
            f"--web.listen-address=127.0.0.1:{state.ports['prometheus']}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ),
        environment={},
        ready_url=f"{state.prometheus_url}/-/ready",
    )


def _engines(*, kubeconfig: str, address: str) -> dict[str, Any]:
    label = "__meta_kubernetes_pod_label_"
    return {
        "job_name": "engines",
        "honor_labels": False,  # as in the chart's monitors: a page cannot name another pod
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "kubeconfig_file": kubeconfig,
                # The API server filters, so that other pods cost nothing.
                "selectors": [{"role": "pod", "label": "modelmatrix.io/deployment,modelmatrix.io/role=leader"}],
            }
        ],
        "relabel_configs": [
            _keep("__meta_kubernetes_pod_phase", "Running"),
            _keep("__meta_kubernetes_pod_container_init", "false"),
            # As a PodMonitor, which names a port: containers without ports (tokenizers, log shippers) are not engines.
            _keep("__meta_kubernetes_pod_container_port_number", ".+"),
            # Without the port: a container with two ports is one engine, and targets with equal labels are merged.
            _copy("__meta_kubernetes_pod_ip", "instance"),
            # A kwok pod has an address but no network: one server on this machine answers for every engine, which the
            # path identifies.
            {"target_label": "__address__", "replacement": address},
            {
                "source_labels": ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"],
                "separator": "/",
                "regex": "([^/]+)/([^/]+)",
                "target_label": "__metrics_path__",
                "replacement": "/namespaces/$1/pods/$2/metrics",
            },
            _copy("__meta_kubernetes_namespace", "namespace"),
            _copy("__meta_kubernetes_pod_name", "pod"),
            _copy("__meta_kubernetes_pod_container_name", "container"),
            *(_copy(label + source, target) for source, target in _POD_TARGET_LABELS.items()),
        ],
    }


def _keep(source: str, regex: str) -> dict[str, Any]:
    return {"source_labels": [source], "regex": regex, "action": "keep"}


def _copy(source: str, target: str) -> dict[str, Any]:
    return {"source_labels": [source], "target_label": target}

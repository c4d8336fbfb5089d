"""The command line and configuration of kube-scheduler, with a second profile that packs accelerators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from localcluster.paths import ClusterFolder

BINPACK_PROFILE = "modelmatrix-binpack"
ACCELERATOR_RESOURCES = ("nvidia.com/gpu", "huawei.com/Ascend910", "huawei.com/Ascend310P")
_SLOWEST_RETRY_SECONDS = 10  # the scheduler's own default


def render(*, kubeconfig: str, time_scale: float) -> dict[str, Any]:
    """The scheduler's configuration.

    The second profile scores nodes by the allocation of their accelerators. It disables the two plugins that would spread
    pods: balanced allocation, and the default topology spread of pods without constraints of their own.

    Args:
        kubeconfig: the path of the scheduler's kubeconfig.
        time_scale: accelerates the retries of unschedulable pods too.
    """
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig, "qps": 200, "burst": 400},
        "leaderElection": {"leaderElect": False},
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": max(1, round(_SLOWEST_RETRY_SECONDS / time_scale)),
        "profiles": [{"schedulerName": "default-scheduler"}, _binpack_profile()],
    }


def configure(folder: ClusterFolder, state: State) -> None:
    """Write the configuration file."""
    kubeconfig = str(folder.component_kubeconfig("system:kube-scheduler"))
    content = render(kubeconfig=kubeconfig, time_scale=state.time_scale)
    (folder.config / "scheduler.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def process(folder: ClusterFolder, state: State) -> ProcessRecord:
    """The process of the scheduler."""
    port = state.ports["kube-scheduler"]
    return ProcessRecord(
        name="kube-scheduler",
        argv=(
            state.programs["kube-scheduler"],
            f"--config={folder.config / 'scheduler.yaml'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={folder.pki / 'tls.crt'}",
            f"--tls-private-key-file={folder.pki / 'tls.key'}",
        ),
        environment={},
        ready_url=f"https://127.0.0.1:{port}/readyz",
    )


def _binpack_profile() -> dict[str, Any]:
    resources = [{"name": name, "weight": 100} for name in ACCELERATOR_RESOURCES]
    resources += [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
    return {
        "schedulerName": BINPACK_PROFILE,
        "plugins": {
            "score": {
                "disabled": [{"name": "NodeResourcesBalancedAllocation"}, {"name": "NodeResourcesFit"}],
                "enabled": [{"name": "NodeResourcesFit", "weight": 10}],
            }
        },
        "pluginConfig": [
            {
                "name": "NodeResourcesFit",
                "args": {"scoringStrategy": {"type": "MostAllocated", "resources": resources}},
            },
            {"name": "PodTopologySpread", "args": {"defaultingType": "List", "defaultConstraints": []}},
        ],
    }

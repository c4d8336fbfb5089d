"""kwok: simulates nodes and their pods. It manages only nodes with the annotation ``kwok.x-k8s.io/node: fake``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcluster.paths import PACKAGE
from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from localcluster.paths import ClusterFolder

ENGINE_LABEL = "modelmatrix.io/deployment"
DRAIN_ANNOTATION = "modelmatrix.io/drain-seconds"
_PLACEHOLDER = "@STARTS_SLOWLY@"
_UNUSED_LABEL = "localcluster/none"


def render_pod_stages(*, fast_pods: bool) -> str:
    """The life cycle of pods as kwok's Stage documents.

    Args:
        fast_pods: engines become Ready at once too, to measure the cost of an operator without simulated engines.
    """
    template = (PACKAGE / "stages" / "pods.yaml").read_text()
    return template.replace(_PLACEHOLDER, _UNUSED_LABEL if fast_pods else ENGINE_LABEL)


def configure(folder: ClusterFolder, state: State) -> None:
    """Write the stages."""
    (folder.config / "kwok-nodes.yaml").write_text((PACKAGE / "stages" / "nodes.yaml").read_text())
    (folder.config / "kwok-pods.yaml").write_text(render_pod_stages(fast_pods=state.fast_pods))


def process(folder: ClusterFolder, state: State) -> ProcessRecord:
    """The process of kwok."""
    address = f"127.0.0.1:{state.ports['kwok']}"
    return ProcessRecord(
        name="kwok",
        argv=(
            state.programs["kwok"],
            f"--kubeconfig={folder.component_kubeconfig('kwok')}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            "--node-lease-duration-seconds=40",
            "--node-ip=10.127.0.1",  # for nodes without an address; a pod on the host's network needs one
            "--cidr=10.128.0.0/16",  # addresses for thousands of pods; the default has 250
            f"--config={folder.config / 'kwok-nodes.yaml'}",
            f"--config={folder.config / 'kwok-pods.yaml'}",
            f"--server-address={address}",
        ),
        environment={},
        ready_url=f"http://{address}/healthz",
    )

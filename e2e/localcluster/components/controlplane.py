"""The command lines of etcd, the API server and the controller manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from localcluster.paths import ClusterFolder

SERVICE_RANGE = "10.96.0.0/16"

# Metadata without bodies; each request is logged once, when it is answered.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def configure(folder: ClusterFolder) -> None:
    """Write the API server's audit policy."""
    (folder.config / "audit-policy.yaml").write_text(yaml.safe_dump(_AUDIT_POLICY, sort_keys=False))


def etcd(folder: ClusterFolder, state: State) -> ProcessRecord:
    """etcd, without fsync: the data of a test need not survive a power failure."""
    clients = f"http://127.0.0.1:{state.ports['etcd']}"
    peers = f"http://127.0.0.1:{state.ports['etcd-peers']}"
    return ProcessRecord(
        name="etcd",
        argv=(
            state.programs["etcd"],
            f"--data-dir={folder.data / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        environment={},
        ready_url=f"{clients}/readyz",
    )


def apiserver(folder: ClusterFolder, state: State) -> ProcessRecord:
    """The API server, with the features that are on by default."""
    return ProcessRecord(
        name="kube-apiserver",
        argv=(
            state.programs["kube-apiserver"],
            f"--etcd-servers=http://127.0.0.1:{state.ports['etcd']}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={state.ports['kube-apiserver']}",
            *_serving_certificate(folder),
            f"--token-auth-file={folder.pki / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder.pki / 'sa.pub'}",
            f"--service-account-signing-key-file={folder.pki / 'sa.key'}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            # The default reconciler would publish 127.0.0.1 as an endpoint, which Kubernetes rejects.
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={folder.config / 'audit-policy.yaml'}",
            f"--audit-log-path={folder.audit_log}",
            "--audit-log-maxsize=10000",  # in MB: a rotated log would hide requests from tests that count them
        ),
        environment={},
        ready_url=f"{state.url}/readyz",
    )


def controller_manager(folder: ClusterFolder, state: State) -> ProcessRecord:
    """All controllers, each with its own service account, so that the audit log distinguishes them."""
    return ProcessRecord(
        name="kube-controller-manager",
        argv=(
            state.programs["kube-controller-manager"],
            f"--kubeconfig={folder.component_kubeconfig('system:kube-controller-manager')}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={folder.pki / 'sa.key'}",
            f"--root-ca-file={folder.authority}",
            "--leader-elect=false",
            # With the default of 20 requests per second the pods of a fleet would wait for minutes.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--bind-address=127.0.0.1",
            f"--secure-port={state.ports['kube-controller-manager']}",
            *_serving_certificate(folder),
        ),
        environment={},
        ready_url=f"https://127.0.0.1:{state.ports['kube-controller-manager']}/healthz",
    )


def _serving_certificate(folder: ClusterFolder) -> tuple[str, str]:
    return f"--tls-cert-file={folder.pki / 'tls.crt'}", f"--tls-private-key-file={folder.pki / 'tls.key'}"

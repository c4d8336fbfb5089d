"""The paths of the repository, of the cache of built programs, and of the files of each cluster. It creates none of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[1]
GO_MODULES = PACKAGE.parent / "go"
CLUSTERS = REPOSITORY / "build"


def cache_root() -> Path:
    """The folder of built programs, shared by every checkout of one user (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "modelmatrix"


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """One cluster's files, all under ``path``."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig, for users."""
        return self.path / "kubeconfig"

    @property
    def state(self) -> Path:
        """The state file: processes and ports; it exists only while the cluster is up."""
        return self.path / "state.json"

    @property
    def reservation(self) -> Path:
        """A file that exists while this cluster's ports are reserved."""
        return self.path / "ports-reserved"

    @property
    def lifecycle_lock(self) -> Path:
        """Held while the cluster goes up or down."""
        return self.path / "lifecycle.lock"

    @property
    def state_lock(self) -> Path:
        """Held while the state file changes."""
        return self.path / "state.lock"

    @property
    def logs(self) -> Path:
        """The folder with one log per process; it remains after `down`."""
        return self.path / "logs"

    @property
    def audit_log(self) -> Path:
        """Every request to the API server, one JSON object per line; it remains after `down`."""
        return self.path / "audit.log"

    @property
    def pki(self) -> Path:
        """Certificates, keys and tokens."""
        return self.path / "pki"

    @property
    def config(self) -> Path:
        """Rendered configuration of the components, and their kubeconfigs."""
        return self.path / "config"

    @property
    def data(self) -> Path:
        """The data of etcd and Prometheus."""
        return self.path / "data"

    @property
    def prometheus(self) -> Path:
        """Prometheus' configuration, target lists and `rules/*.yml`."""
        return self.path / "prometheus"

    @property
    def operator_targets(self) -> Path:
        """The file_sd list of operators' metrics addresses."""
        return self.prometheus / "operator.json"

    def component_kubeconfig(self, user: str) -> Path:
        """The kubeconfig of a component's own user, e.g. ``system:kube-scheduler``."""
        return self.config / f"{user.removeprefix('system:')}.kubeconfig"

    @property
    def authority(self) -> Path:
        """The certificate authority of every server of the cluster."""
        return self.pki / "ca.crt"

    def log(self, process: str) -> Path:
        """The log of one process."""
        return self.logs / f"{process}.log"

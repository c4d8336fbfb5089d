"""The artifacts that are built from Go modules, as data: one artifact is one binary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcluster.paths import GO_MODULES

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES_VERSION = "v1.36.3"
HELM_VERSION = "v4.2.2"
LEADERWORKERSET_VERSION = "v0.8.0"
PROMETHEUS_VERSION = "3.13.5"

# The same for all: Go caches a compiled package per set of flags, so different flags would compile every package twice.
# Without the service discovery of twenty clouds, Prometheus is a third of its size.
BUILD_FLAGS = (
    "-trimpath",
    "-buildvcs=false",
    "-mod=readonly",
    "-tags=remove_all_sd,enable_kubernetes_sd,netgo",
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One binary.

    Attributes:
        name: the binary's name, also of its folder in the cache.
        module: folder with its go.mod.
        package: the package argument of `go build`.
        programs: links to the binary under these names; empty for its own name only.
        stamps: version strings by the symbol that the linker sets.
        data: folders of Go modules that a program needs at run time: module path -> folder in it.
    """

    name: str
    module: Path
    package: str
    programs: tuple[str, ...] = ()
    stamps: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """The arguments of `go build` without output and package."""
        stamps = "".join(f" -X {symbol}={value}" for symbol, value in self.stamps.items())
        return (*BUILD_FLAGS, f"-ldflags=-s -w{stamps}")

    @property
    def sources(self) -> list[Path]:
        """The files of this repository that determine the result."""
        own = sorted(self.module.glob("*.go")) if self.package == "." else []
        return [self.module / "go.mod", self.module / "go.sum", *own]


_CONTROLPLANE = GO_MODULES / "controlplane"
_PROMETHEUS_STAMP = {"github.com/prometheus/common/version.Version": PROMETHEUS_VERSION}

ARTIFACTS = (
    Artifact(
        name="controlplane",
        module=_CONTROLPLANE,
        package=".",
        programs=(
            *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
            *("kubectl", "kwok", "helm", "pki"),
        ),
        stamps={
            "k8s.io/component-base/version.gitVersion": KUBERNETES_VERSION,
            "k8s.io/component-base/version.gitMajor": "1",
            "k8s.io/component-base/version.gitMinor": "36",
            "k8s.io/component-base/version.gitTreeState": "clean",
            "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES_VERSION,
            "helm.sh/helm/v4/internal/version.version": HELM_VERSION,
        },
    ),
    Artifact(
        name="prometheus",
        module=_CONTROLPLANE,
        package="github.com/prometheus/prometheus/cmd/prometheus",
        stamps=_PROMETHEUS_STAMP,
    ),
    Artifact(
        name="promtool",
        module=_CONTROLPLANE,
        package="github.com/prometheus/prometheus/cmd/promtool",
        stamps=_PROMETHEUS_STAMP,
    ),
    Artifact(
        name="leaderworkerset",
        module=GO_MODULES / "lws",
        package="sigs.k8s.io/lws/cmd",
        stamps={"sigs.k8s.io/lws/pkg/version.GitVersion": LEADERWORKERSET_VERSION},
        data={"sigs.k8s.io/lws": "config"},
    ),
)

"""Where a command reads its objects: the cluster, manifests alone, or the cluster with the manifests applied."""

from __future__ import annotations

import click

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.manifests import Manifests, read_manifests
from modelmatrix.cli.options import ClusterOptions, FileOptions

NO_NODES = (
    "note: the files hold no Node, so no devices are found: kubectl get nodes -o yaml > nodes.yaml, then add -f nodes.yaml"
)


def load_inputs(
    files: FileOptions, cluster: ClusterOptions, namespace: str | None, *, partly: bool = False
) -> tuple[ClusterObjects, Manifests, str]:
    """The cluster's objects, the manifests to apply, and the namespace of documents and names without one.

    ``partly``: the person may lack rights in the cluster; ``unread`` then says for which kinds.

    Raises:
        CliError: a file or the cluster cannot be read, or ``--offline`` names no file.
    """
    if files.is_offline and not files.paths:
        raise CliError("--offline reads files only: name them with -f")
    objects, own = (ClusterObjects(), "default") if files.is_offline else _read_cluster(cluster, namespace, partly=partly)
    default = namespace or own
    manifests = read_manifests(files.paths, namespace=default)
    if files.is_offline and not manifests.of_kind(names.NODES):
        click.echo(NO_NODES, err=True)
    return objects, manifests, default


def load_with_manifests(
    files: FileOptions, cluster: ClusterOptions, namespace: str | None, *, partly: bool = False
) -> tuple[ClusterObjects, str]:
    """The objects after the manifests were applied, and the namespace of names without one.

    Raises:
        CliError: a file or the cluster cannot be read, or ``--offline`` names no file.
    """
    objects, manifests, default = load_inputs(files, cluster, namespace, partly=partly)
    return objects.with_manifests(manifests), default


def missing_rights(objects: ClusterObjects) -> str:
    """Which kinds the person may not list, for a message; empty when it may list all."""
    kinds = sorted(objects.unread)
    return f"your rights do not include to list {', '.join(kinds)} in the whole cluster" if kinds else ""


def _read_cluster(cluster: ClusterOptions, namespace: str | None, *, partly: bool) -> tuple[ClusterObjects, str]:
    from modelmatrix.cli.inputs.live_cluster import read_cluster  # noqa: PLC0415 - slow to import, see there

    return read_cluster(cluster, namespace, partly=partly)

"""What a command looks at: the cluster, files, or the cluster as if the files were applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects, read_cluster
from modelmatrix.cli.inputs.kubeconfig import KubeconfigAccess
from modelmatrix.cli.inputs.manifests import Manifests, read_documents

Function = TypeVar("Function", bound=Callable[..., Any])

FILES = "File, or folder with all below it, to treat as applied; repeatable."
OFFLINE = "Look at the files alone, without a cluster; they hold Nodes too, e.g. of kubectl get nodes -o yaml."
NO_NODES = (
    "note: the files hold no Node, so nothing finds devices: kubectl get nodes -o yaml > nodes.yaml, then -f nodes.yaml too"
)


def file_options(function: Function) -> Function:
    """``-f`` and ``--offline``."""
    for option in (
        click.option("--offline", "is_offline", is_flag=True, help=OFFLINE),
        click.option("-f", "--filename", "files", multiple=True, help=FILES),
    ):
        function = option(function)
    return function


def load_inputs(
    files: tuple[str, ...], access: KubeconfigAccess, namespace: str | None, *, is_offline: bool
) -> tuple[ClusterObjects, Manifests, str]:
    """The world as it is, the documents that are to be applied, and the namespace that is meant where none is named.

    Raises:
        CliError: a file or the cluster cannot be read, or there is nothing to look at.
    """
    if is_offline and not files:
        raise CliError("--offline looks at files alone: name some with -f")
    world, own = (ClusterObjects(), "default") if is_offline else read_cluster(access)
    default = namespace or own
    documents = read_documents(files, namespace=default)
    if is_offline and not documents.of_kind(names.NODES):
        click.echo(NO_NODES, err=True)
    return world, documents, default


def load_with_manifests(
    files: tuple[str, ...], access: KubeconfigAccess, namespace: str | None, *, is_offline: bool
) -> tuple[ClusterObjects, str]:
    """The world with the documents, and the namespace that is meant where none is named.

    Raises:
        CliError: a file or the cluster cannot be read, or there is nothing to look at.
    """
    world, documents, default = load_inputs(files, access, namespace, is_offline=is_offline)
    return world.with_documents(documents), default

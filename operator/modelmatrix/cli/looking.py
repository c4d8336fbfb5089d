"""What a command looks at: the cluster, files, or the cluster as if the files were applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from modelmatrix.api import names
from modelmatrix.cli.access import Access
from modelmatrix.cli.documents import Documents, read_documents
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.world import World, online

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


def given(files: tuple[str, ...], access: Access, namespace: str | None, *, is_offline: bool) -> tuple[World, Documents, str]:
    """The world as it is, the documents that are to be applied, and the namespace that is meant where none is named.

    Raises:
        CliError: a file or the cluster cannot be read, or there is nothing to look at.
    """
    if is_offline and not files:
        raise CliError("--offline looks at files alone: name some with -f")
    world, own = (World(), "default") if is_offline else online(access)
    default = namespace or own
    documents = read_documents(files, namespace=default)
    if is_offline and not documents.of(names.NODES):
        click.echo(NO_NODES, err=True)
    return world, documents, default


def look(files: tuple[str, ...], access: Access, namespace: str | None, *, is_offline: bool) -> tuple[World, str]:
    """The world with the documents, and the namespace that is meant where none is named.

    Raises:
        CliError: a file or the cluster cannot be read, or there is nothing to look at.
    """
    world, documents, default = given(files, access, namespace, is_offline=is_offline)
    return world.with_documents(documents), default

"""What a command looks at: the cluster, files, or the cluster as if the files were applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from modelmatrix.cli.access import Access
from modelmatrix.cli.documents import read_documents
from modelmatrix.cli.world import World, offline, online

Function = TypeVar("Function", bound=Callable[..., Any])


def file_options(function: Function) -> Function:
    """``-f`` and ``--offline``."""
    for option in (
        click.option("--offline", "is_offline", is_flag=True, help="Look at the files alone, without a cluster."),
        click.option("-f", "--filename", "files", multiple=True, help="File or folder to apply first, in thought; repeatable."),
    ):
        function = option(function)
    return function


def look(files: tuple[str, ...], access: Access, namespace: str | None, *, is_offline: bool) -> tuple[World, str]:
    """The world, and the namespace that is meant where none is named.

    Raises:
        CliError: a file or the cluster cannot be read.
    """
    world, own = (World(), "default") if is_offline else online(access)
    default = namespace or own
    documents = read_documents(files, namespace=default)
    return (offline(documents) if is_offline else world.with_documents(documents)), default

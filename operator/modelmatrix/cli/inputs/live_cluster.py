"""One reading of the cluster: every kind that a plan is made from is listed once, all kinds at the same time.

Only commands that read a cluster import this module: the HTTP client and the Kubernetes library take longer to import than
a plan takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.kubeconfig import kubeconfig_login, unreachable_error
from modelmatrix.cli.inputs.review import Review
from modelmatrix.cli.options import ClusterOptions
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, NotFound, TransientError
from modelmatrix.cluster.views.kinds import PLANNING_KINDS, PlanningKind
from modelmatrix.planning.snapshot.views import NamespacedName

PREVIEW_MANAGER = "kubectl-matrix"


def read_cluster(options: ClusterOptions, namespace: str | None = None, *, partly: bool = False) -> tuple[ClusterObjects, str]:
    """The cluster's objects, and the namespace of the user's context.

    ``partly``: of kinds that the person may not list in the cluster, those of ``namespace`` or the context's are read.

    Raises:
        CliError: the cluster cannot be reached or read.
    """
    credentials, own = kubeconfig_login(options)
    try:
        return asyncio.run(_read(ApiClient(credentials), namespace or own if partly else "")), own
    except TransientError as error:
        raise unreachable_error(options, credentials.server, error) from None


async def _read(client: ApiClient, namespace: str) -> ClusterObjects:
    cluster = ClusterObjects(is_live=True)
    async with client:
        await asyncio.gather(*(_read_kind(client, read, cluster, namespace) for read in PLANNING_KINDS))
    if names.MODEL_DEPLOYMENTS.plural in cluster.absent:
        raise CliError("the cluster does not know ModelDeployments: install the chart first, or use --offline")
    return cluster


async def _read_kind(client: ApiClient, read: PlanningKind[object], cluster: ClusterObjects, namespace: str) -> None:
    plural = read.kind.plural
    try:
        items, _ = await client.list(read.kind, labels=read.labels, fields=read.fields)
        cluster.objects.setdefault(plural, []).extend(items)  # pods are read twice, live ones and failed ones of ours
    except NotFound:
        cluster.absent.add(plural)
    except ApiError as error:
        if not namespace or error.code != HTTPStatus.FORBIDDEN:
            raise CliError(f"cannot list {plural}: {error}") from None
        cluster.unread[plural] = str(error)
        await _read_namespace(client, read, cluster, namespace)


async def _read_namespace(client: ApiClient, read: PlanningKind[object], cluster: ClusterObjects, namespace: str) -> None:
    """What a person with rights in one namespace may read."""
    if not read.kind.namespaced:
        return
    with suppress(ApiError):  # named in ``unread`` already
        items, _ = await client.list(read.kind, labels=read.labels, fields=read.fields, namespace=namespace)
        cluster.objects.setdefault(read.kind.plural, []).extend(items)


def preview(options: ClusterOptions, documents: Sequence[Mapping[str, Any]]) -> list[Review]:
    """What the API server and the operator's admission answer to an apply of the documents; nothing is stored.

    Raises:
        CliError: the cluster cannot be reached.
    """
    credentials, _ = kubeconfig_login(options)
    try:
        return asyncio.run(_preview(ApiClient(credentials), documents))
    except TransientError as error:
        raise unreachable_error(options, credentials.server, error) from None


async def _preview(client: ApiClient, documents: Sequence[Mapping[str, Any]]) -> list[Review]:
    async with client:
        return [await _preview_one(client, document) for document in documents]


async def _preview_one(client: ApiClient, document: Mapping[str, Any]) -> Review:
    key = NamespacedName(document["metadata"]["namespace"], document["metadata"]["name"])
    try:
        warnings = await client.preview(names.MODEL_DEPLOYMENTS, key, dict(document), manager=PREVIEW_MANAGER)
    except ApiError as error:
        return Review(key, (), str(error))
    return Review(key, warnings)

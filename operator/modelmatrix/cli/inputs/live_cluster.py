"""One reading of the cluster: every kind that a plan is made from is listed once, all kinds at the same time.

Only commands that read a cluster import this module: the HTTP client and the Kubernetes library take longer to import than
a plan takes.
"""

from __future__ import annotations

import asyncio

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.kubeconfig import kubeconfig_login, unreachable_error
from modelmatrix.cli.options import ClusterOptions
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, NotFound, TransientError
from modelmatrix.cluster.views.kinds import PLANNING_KINDS, PlanningKind


def read_cluster(options: ClusterOptions) -> tuple[ClusterObjects, str]:
    """The cluster's objects, and the namespace of the user's context.

    Raises:
        CliError: the cluster cannot be reached or read.
    """
    credentials, namespace = kubeconfig_login(options)
    try:
        return asyncio.run(_read(ApiClient(credentials))), namespace
    except TransientError as error:
        raise unreachable_error(options, credentials.server, error) from None


async def _read(client: ApiClient) -> ClusterObjects:
    cluster = ClusterObjects()
    async with client:
        await asyncio.gather(*(_read_kind(client, read, cluster) for read in PLANNING_KINDS))
    if names.MODEL_DEPLOYMENTS.plural in cluster.absent:
        raise CliError("the cluster does not know ModelDeployments: install the chart first, or use --offline")
    return cluster


async def _read_kind(client: ApiClient, read: PlanningKind[object], cluster: ClusterObjects) -> None:
    plural = read.kind.plural
    try:
        items, _ = await client.list(read.kind, labels=read.labels, fields=read.fields)
        cluster.objects.setdefault(plural, []).extend(items)  # pods are read twice, live ones and failed ones of ours
    except NotFound:
        cluster.absent.add(plural)
    except ApiError as error:
        raise CliError(f"cannot list {plural}: {error}") from None

"""Edits that never end, so that the leader is always in the middle of a write when it is stopped."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from localcluster.cluster import Cluster
from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.cluster.errors import ApiError, TransientError
from modelmatrix.planning.snapshot.views import NamespacedName
from playground.testing import ModelNamespace

DEPLOYMENTS = 8
PAUSE_SECONDS = 0.1


def deploy(bed: ModelNamespace) -> None:
    """Create the deployments that are edited: more than one replica of each finds its devices."""
    bed.create()
    pool = bed.ascend("main", nodes=DEPLOYMENTS)
    for name in deployment_names():
        bed.deploy(name, pool.pool)
    for name in deployment_names():
        bed.wait_ready(name, 1, timeout_seconds=120)


def deployment_names() -> list[str]:
    """Names of the deployments."""
    return [f"model-{number}" for number in range(DEPLOYMENTS)]


@asynccontextmanager
async def edits(cluster: Cluster, namespace: str) -> AsyncIterator[None]:
    """Change the number of replicas of one deployment after the other while the context is open."""
    context = ssl.create_default_context(cafile=str(cluster.folder.authority))
    async with ApiClient(Credentials(cluster.url, context, cluster.token("admin")), agent="failover") as client:
        task = asyncio.create_task(_edit(client, namespace))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _edit(client: ApiClient, namespace: str) -> None:
    for replicas in itertools.cycle((2, 1)):
        for name in deployment_names():
            with suppress(ApiError, TransientError):
                key = NamespacedName(namespace, name)
                await client.merge(names.MODEL_DEPLOYMENTS, key, {"spec": {"replicas": replicas}})
            await asyncio.sleep(PAUSE_SECONDS)

"""What the API server says of readers of the operator's metrics: strangers, accounts without the right, accounts with it."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from localcluster.testing import eventually
from modelmatrix.cli.inputs.kubeconfig import user_credentials
from modelmatrix.cluster.access_review import Access, AccessReviewer
from modelmatrix.cluster.client import ApiClient
from modelmatrix.telemetry.http_server import METRICS_PATH

if TYPE_CHECKING:
    from localcluster import Cluster
    from localcluster.testing import Namespace

pytestmark = pytest.mark.cluster


def review(cluster: Cluster, token: str) -> Access:
    async def main() -> Access:
        credentials, _ = user_credentials(kubeconfig=str(cluster.kubeconfig), context=None)
        async with ApiClient(credentials) as client:
            return await AccessReviewer(client, METRICS_PATH, time.monotonic).review(token)

    return asyncio.run(main())


def test_an_account_reads_once_it_has_the_right_to_the_path(namespace: Namespace) -> None:
    cluster, account = namespace.cluster, f"{namespace.name}:scraper"
    cluster.kubectl("-n", namespace.name, "create", "serviceaccount", "scraper")
    token = cluster.service_account_token(namespace.name, "scraper")
    assert review(cluster, "junk") is Access.UNAUTHENTICATED
    assert review(cluster, token) is Access.FORBIDDEN
    rule = {"nonResourceURLs": [METRICS_PATH], "verbs": ["get"]}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "scrapers"},
        "rules": [rule],
    }
    cluster.apply([role])
    cluster.kubectl("create", "clusterrolebinding", "scrapers", "--clusterrole=scrapers", f"--serviceaccount={account}")

    def allowed() -> None:
        assert review(cluster, token) is Access.ALLOWED

    eventually(allowed)

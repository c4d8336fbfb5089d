"""Tests of one folder share a cluster, so one process runs all of them when several run tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from localcluster.cluster import Cluster
from playground.testing import ModelNamespace, NodePool

FOLDER = "e2e/tests/"
NUMBERS = count()  # two tests may have the same name where it is cut
TEST_SECONDS = 1200.0  # the first test of a folder starts the cluster of it, and may build the control plane


class ByCluster(LoadScopeScheduling):
    """Hands out folders of tests that share a cluster, and files of the others."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        return str(path.parent if str(path).startswith(FOLDER) else path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCluster:
    """The scheduler of pytest-xdist; its own ``loadgroup`` writes into names that pytest 9.2 does not let it change."""
    return ByCluster(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow tests on a cluster more time than the default, unless they have a limit of their own."""
    for item in items:
        if FOLDER in item.path.as_posix() and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture
def bed(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[ModelNamespace]:
    """A namespace of the test's own, with servers of its own on request."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    fresh = ModelNamespace(cluster, f"t{next(NUMBERS)}-{words[:30].strip('-')}")
    fresh.create()
    yield fresh
    fresh.clear()


@pytest.fixture
def estate(bed: ModelNamespace) -> NodePool:
    """A pool of one server of eight 910B3."""
    return bed.ascend("main", nodes=1)

"""Tests of one folder share a cluster, so one process runs all of them when several run tests."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

FOLDER = "e2e/tests/"


class ByCluster(LoadScopeScheduling):
    """Hands out folders of tests that share a cluster, and files of the others."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        return str(path.parent if str(path).startswith(FOLDER) else path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCluster:
    """The scheduler of pytest-xdist; its own ``loadgroup`` writes into names that pytest 9.2 does not let it change."""
    return ByCluster(config, log)

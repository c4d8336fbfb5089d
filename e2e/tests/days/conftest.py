"""A cluster for what happens over a day: load that comes and goes, schedules, flagships that need whole servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcluster.cluster import Cluster
from playground.testing import fresh_cluster


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """The cluster of this folder."""
    with fresh_cluster("test-days") as fresh:
        yield fresh

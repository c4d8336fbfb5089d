"""The product on a cluster of its own: nodes, chart, two operators, simulated engines, Prometheus, at 15 times the speed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest

from localcluster import Options
from localcluster.cluster import Cluster
from playground import bringup
from playground.testing import Bed, Estate
from playground.wishes import Wishes

OPTIONS = Options(name="test-matrix", time_scale=15)
NUMBERS = count()  # two tests may have the same name where it is cut


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A fresh cluster with everything on it, gone afterwards whatever happened."""
    wishes = Wishes(OPTIONS, "jsbank")
    bringup.down(wishes)
    try:
        yield bringup.up(wishes)
    finally:
        bringup.down(wishes)


@pytest.fixture
def bed(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A namespace of the test's own, with servers of its own on request."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    fresh = Bed(cluster, f"t{next(NUMBERS)}-{words[:30].strip('-')}")
    fresh.open()
    yield fresh
    fresh.clear()


@pytest.fixture
def estate(bed: Bed) -> Estate:
    """A pool of one server of eight 910B3."""
    return bed.ascend("main", nodes=1)

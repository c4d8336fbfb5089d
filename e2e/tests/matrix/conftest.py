"""A cluster for what a person does: apply, edit, mistype, delete; and for operators that come and go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcluster.cluster import Cluster
from playground.testing import fresh_cluster


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """The cluster of this folder."""
    with fresh_cluster("test-matrix") as fresh:
        yield fresh

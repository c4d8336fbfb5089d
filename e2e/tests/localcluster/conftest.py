"""A real cluster for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcluster import Options, down, up
from localcluster.testing import Namespace, node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A fresh cluster with four machines, gone afterwards whatever happened."""
    options = Options(name="test-localcluster")
    down(options)
    try:
        fresh = up(options)
        nvidia, ascend = {"nvidia.com/gpu": "8"}, {"huawei.com/Ascend910": "8"}
        fresh.apply(
            [
                node("gpu-0", nvidia, {"pool": "nvidia"}),
                node("npu-0", ascend, {"pool": "ascend"}),
                node("empty-0", nvidia, {"pool": "empty"}),
                node("empty-1", nvidia, {"pool": "empty"}),
            ]
        )
        yield fresh
    finally:
        down(options)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:60].strip("-")
    cluster.kubectl("create", "namespace", name)
    fresh = Namespace(cluster, name)
    yield fresh
    fresh.clear()

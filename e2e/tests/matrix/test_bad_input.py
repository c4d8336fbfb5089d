"""Whatever a person writes: a reason that says what to do, and nobody else is affected."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import pytest

from localcluster import LocalClusterError
from localcluster.testing import eventually, node
from playground.testing import ModelNamespace, NodePool

pytestmark = pytest.mark.cluster


@pytest.fixture
def neighbour(bed: ModelNamespace, estate: NodePool) -> str:
    """A deployment that serves, and must go on doing so."""
    bed.deploy("neighbour", estate.pool)
    bed.wait_ready("neighbour", 1)
    return str(bed.pods("neighbour")[0]["metadata"]["uid"])


def test_each_mistake_has_its_reason_and_harms_nobody(bed: ModelNamespace, estate: NodePool, neighbour: str) -> None:
    bed.deploy("model", estate.pool, model={"name": "Qwen9-900B", "source": "s3://models/qwen9"})
    bed.deploy("pool", "no-such-pool")
    bed.deploy("million", estate.pool, maxModelLen=1_000_000)
    bed.deploy("cut", estate.pool, pools=[{"name": estate.pool, "parallelism": {"tensor": 3}}])
    bed.deploy("estate", estate.pool, model={"name": "DeepSeek-R1", "source": "s3://models/deepseek-r1-w8a8"})

    bed.wait_refused("model", "ModelUnknown", "Qwen9-900B", "ModelProfile")
    bed.wait_refused("pool", "PoolNotFound", "no-such-pool")
    bed.wait_refused("cut", "ParallelismIllegal", "3")
    bed.wait_refused("estate", "InsufficientDevices", "whole nodes", "make the replica smaller")
    eventually(lambda: _is_refused(bed, "million"))
    assert bed.status("neighbour")["readyReplicas"] == 1
    assert [pod["metadata"]["uid"] for pod in bed.pods("neighbour")] == [neighbour]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"quantization": "Q7"}, "quantization"),
        ({"model": {"name": "Qwen3-32B", "source": "ftp://somewhere/else"}}, "source"),
        ({"replicas": -1}, "replicas"),
    ],
)
def test_what_cannot_be_parsed_never_gets_in(bed: ModelNamespace, spec: dict[str, object], words: str) -> None:
    with pytest.raises(LocalClusterError, match=words):
        bed.deploy("broken", "some-pool", **spec)


def test_nodes_without_the_resource_make_the_pool_say_so(bed: ModelNamespace) -> None:
    empty = bed.ascend("empty", nodes=0)
    name = f"{empty.pool}-plain"
    bed.cluster.apply([node(name, {}, {"modelmatrix.io/pool": empty.pool})])
    bed.deploy("chat", empty.pool)

    try:
        bed.wait_refused("chat", "InsufficientDevices", "offer no huawei.com/Ascend910", "device plugin")
    finally:
        bed.cluster.kubectl("delete", "node", name)


def _is_refused(bed: ModelNamespace, name: str) -> None:
    placed = bed.condition(name, "Placed")
    assert placed.get("status") == "False", placed
    assert placed["message"]

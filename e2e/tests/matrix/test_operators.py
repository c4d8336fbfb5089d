"""Operators come and go; what serves does not notice."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import time

import pytest

from localcluster.testing import eventually
from playground.testing import Bed, Estate, leader, lease_renewed, operator_writes

pytestmark = pytest.mark.cluster


def test_a_restart_of_both_operators_writes_nothing(bed: Bed, estate: Estate) -> None:
    bed.deploy("chat", estate.pool, replicas=2, slo={"ttftMilliseconds": 2000})
    bed.ready("chat", 2)
    time.sleep(8)  # what is left to be told of the start
    processes = sorted(name for name in bed.cluster.state.processes if name.startswith("operator"))
    before = sorted(pod["metadata"]["uid"] for pod in bed.pods("chat"))

    started = time.time()
    for name in processes:
        bed.cluster.kill_process(name)
    for name in processes:
        bed.cluster.start_process(name)
    restarted = time.time()
    eventually(lambda: _leads_since(bed, restarted), timeout_seconds=60)
    time.sleep(5)

    assert operator_writes(bed.cluster, started) == []
    assert sorted(pod["metadata"]["uid"] for pod in bed.pods("chat")) == before


def test_when_the_leader_dies_the_other_goes_on(bed: Bed, estate: Estate) -> None:
    lost = leader(bed.cluster)

    bed.cluster.kill_process(lost)
    try:
        bed.deploy("chat", estate.pool)
        bed.ready("chat", 1, timeout_seconds=90)
        assert leader(bed.cluster) != lost
    finally:
        bed.cluster.start_process(lost)


def _leads_since(bed: Bed, second: float) -> None:
    assert lease_renewed(bed.cluster) >= second

"""Operators come and go; what serves does not notice."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import os
import signal
import time

import pytest

from localcluster.testing import eventually
from playground.testing import ModelNamespace, NodePool, leader, lease_renewed, operator_writes

pytestmark = pytest.mark.cluster


def test_a_restart_of_both_operators_writes_nothing(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool, replicas=2, slo={"ttftMilliseconds": 2000})
    bed.wait_ready("chat", 2)
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


def test_when_the_leader_dies_the_other_goes_on(bed: ModelNamespace, estate: NodePool) -> None:
    lost = leader(bed.cluster)

    bed.cluster.kill_process(lost)
    try:
        bed.deploy("chat", estate.pool)
        bed.wait_ready("chat", 1, timeout_seconds=90)
        assert leader(bed.cluster) != lost
    finally:
        bed.cluster.start_process(lost)


def test_a_short_outage_of_the_api_server_changes_nothing(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    time.sleep(8)  # what is left to be told of the start
    before, started = leader(bed.cluster), time.time()
    uids = [pod["metadata"]["uid"] for pod in bed.pods("chat")]

    bed.cluster.kill_process("kube-apiserver")
    bed.cluster.start_process("kube-apiserver")
    eventually(lambda: _leads_since(bed, time.time() - 2), timeout_seconds=60)

    assert leader(bed.cluster) == before
    assert operator_writes(bed.cluster, started) == []
    assert [pod["metadata"]["uid"] for pod in bed.pods("chat")] == uids
    bed.kubectl("scale", "modeldeployments.modelmatrix.io/chat", "--replicas=2")
    bed.wait_ready("chat", 2)


def test_a_leader_that_gets_no_answer_ends_and_nothing_that_serves_is_lost(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    lost, uids = leader(bed.cluster), [pod["metadata"]["uid"] for pod in bed.pods("chat")]
    server = bed.cluster.state.processes["kube-apiserver"].identity
    assert server is not None

    os.kill(server.pid, signal.SIGSTOP)  # connections stay open, requests hang
    try:
        eventually(lambda: _has_ended(bed, lost), timeout_seconds=30)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    try:
        eventually(lambda: _is_another(bed, lost), timeout_seconds=60)
        assert [pod["metadata"]["uid"] for pod in bed.pods("chat")] == uids
        bed.kubectl("scale", "modeldeployments.modelmatrix.io/chat", "--replicas=2")
        bed.wait_ready("chat", 2)
    finally:
        bed.cluster.start_process(lost)


def _has_ended(bed: ModelNamespace, name: str) -> None:
    assert not bed.cluster.state.processes[name].is_running()


def _is_another(bed: ModelNamespace, lost: str) -> None:
    assert leader(bed.cluster) != lost


def _leads_since(bed: ModelNamespace, second: float) -> None:
    assert lease_renewed(bed.cluster) >= second

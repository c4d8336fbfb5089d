"""Up and down, side by side, after faults: nothing is ever left running."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from localcluster import Cluster, LocalClusterError, Options, attach, down, up
from localcluster.processes.process import Identity, is_running
from localcluster.testing import node

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.cluster


@pytest.fixture
def options() -> Iterator[Options]:
    wished = Options(name="test-lifecycle", fast_pods=True, time_scale=1)
    down(wished)
    yield wished
    down(wished)


def test_a_second_cluster_with_fast_pods_runs_beside_the_first(cluster: Cluster, options: Options) -> None:
    second = up(options)
    assert not set(second.state.ports.values()) & set(cluster.state.ports.values())
    assert second.state.scrape_interval_seconds == 15
    labels = {"modelmatrix.io/deployment": "chat"}
    pod = {"containers": [{"name": "engine", "image": "registry.example/engine:1"}]}
    second.apply(
        [
            node("cpu-0", {}),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "chat", "namespace": "default", "labels": labels},
                "spec": pod,
            },
        ]
    )
    second.kubectl("wait", "--for=condition=Ready", "pod/chat", "--timeout=60s")
    assert "chat" not in cluster.kubectl("get", "pods", "-A", "-o", "name")

    processes = [record.identity for record in second.state.processes.values() if record.identity]
    assert down(options)
    assert not any(map(is_running, processes))
    assert not down(options)
    with pytest.raises(LocalClusterError, match="is down"):
        attach(options.name)
    assert all(cluster.is_running(name) for name in cluster.state.processes)


def test_a_hook_that_fails_takes_the_cluster_down_with_it(options: Options) -> None:
    processes: list[Identity | None] = []

    def hook(cluster: Cluster) -> None:
        cluster.start_process("sleeper", ["/bin/sleep", "600"])
        processes.extend(record.identity for record in cluster.state.processes.values())
        raise LocalClusterError("the chart does not install")

    with pytest.raises(LocalClusterError, match="does not install"):
        up(options, hooks=[hook])
    assert len(processes) == 8
    assert not any(is_running(identity) for identity in processes if identity)
    assert not options.folder.state.exists()


def test_down_ends_what_a_crash_left(options: Options) -> None:
    cluster = up(options)
    processes = {name: record.identity for name, record in cluster.state.processes.items()}
    for name in ("etcd", "kube-apiserver"):
        identity = processes[name]
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
    assert down(options)
    assert not any(is_running(identity) for identity in processes.values() if identity)

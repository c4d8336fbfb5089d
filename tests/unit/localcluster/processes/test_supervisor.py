"""Processes are started, found again by another command, restarted as they were, and all stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from localcluster import state
from localcluster.errors import LocalClusterError
from localcluster.paths import ClusterFolder
from localcluster.processes.supervisor import Supervisor
from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMPTY = State(
    cluster="one",
    time_scale=15,
    fast_pods=False,
    ports={"kube-apiserver": 1, "prometheus": 2, "engines": 3},
    tokens={},
    programs={},
    processes={},
)
SLEEPER = ProcessRecord("sleeper", ("/bin/sleep", "600"), {})


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    folder = ClusterFolder(tmp_path)
    state.save(EMPTY, folder.state)
    found = Supervisor(folder)
    yield found
    found.stop_all()


def pid(supervisor: Supervisor) -> int:
    identity = supervisor.state().process("sleeper").identity
    assert identity is not None
    return identity.pid


def test_a_started_process_is_found_by_another_command(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    assert Supervisor(supervisor.folder).state().process("sleeper").is_running()


def test_a_running_process_is_not_started_twice(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    with pytest.raises(LocalClusterError, match="runs already"):
        supervisor.start(SLEEPER)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_stopped_process_starts_again_as_it_was(supervisor: Supervisor, end: str) -> None:
    supervisor.start(SLEEPER)
    before = pid(supervisor)
    for _ in range(2):  # the second time there is nothing to end
        getattr(supervisor, end)("sleeper")
        assert supervisor.state().process("sleeper").identity is None
    supervisor.start_again("sleeper")
    assert pid(supervisor) != before
    assert supervisor.state().process("sleeper").argv == SLEEPER.argv


def test_a_restarted_process_is_another_one(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    before = pid(supervisor)
    supervisor.restart("sleeper")
    assert pid(supervisor) != before
    assert supervisor.state().process("sleeper").is_running()


def test_all_are_stopped_also_without_a_state(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    supervisor.start(replace(SLEEPER, name="other"))
    records = supervisor.state().processes.values()
    supervisor.stop_all()
    assert not any(record.is_running() for record in records)
    supervisor.folder.state.unlink()
    supervisor.stop_all()


def test_a_process_that_ends_before_it_is_ready_shows_its_log(supervisor: Supervisor) -> None:
    argv = ("/bin/sh", "-c", "echo cannot bind; exit 1")
    supervisor.start(ProcessRecord("server", argv, {}, ready_url="http://127.0.0.1:9/"))
    with pytest.raises(LocalClusterError, match="ended before it was ready") as failure:
        supervisor.wait_ready("server")
    assert "cannot bind" in failure.value.why
    assert str(supervisor.folder.log("server")) in failure.value.advice


def test_a_process_that_never_answers_is_given_up(supervisor: Supervisor) -> None:
    supervisor.start(replace(SLEEPER, ready_url="http://127.0.0.1:9/"))
    with pytest.raises(LocalClusterError, match="not ready within"):
        supervisor.wait_ready("sleeper", timeout_seconds=0)


def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(LocalClusterError, match="/nowhere/etcd"):
        supervisor.start(ProcessRecord("etcd", ("/nowhere/etcd",), {}))


def test_a_cluster_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match="make up"):
        Supervisor(ClusterFolder(tmp_path / "none")).state()

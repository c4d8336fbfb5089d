"""Only the process that was started is ever signalled, and then it goes with its children."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcluster.processes.process import Identity, identify, is_running, kill, spawn, terminate

if TYPE_CHECKING:
    from collections.abc import Iterator

SLEEP = ["/bin/sleep", "600"]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Identity]:
    identity = spawn(SLEEP, log=tmp_path / "log")
    yield identity
    kill(identity)


def wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return path.read_text()


def test_a_process_is_known_by_pid_and_start_time(sleeper: Identity) -> None:
    assert identify(sleeper.pid) == sleeper
    assert is_running(sleeper)


@pytest.mark.parametrize("changes", [{"start_ticks": 1}, {"boot_id": "another"}])
def test_a_recycled_pid_is_never_signalled(sleeper: Identity, changes: dict[str, object]) -> None:
    recycled = replace(sleeper, **changes)  # type: ignore[arg-type]  # of mixed types by design
    assert not is_running(recycled)
    terminate([recycled], grace_seconds=0)
    kill(recycled)
    assert is_running(sleeper)


def test_a_terminated_process_is_gone_and_so_is_its_zombie(sleeper: Identity) -> None:
    terminate([sleeper])
    assert not is_running(sleeper)
    assert not Path(f"/proc/{sleeper.pid}").exists()


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    stubborn = spawn(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], log=log)
    wait_for_text(log)
    terminate([stubborn], grace_seconds=0.1)
    assert not is_running(stubborn)


def test_children_go_with_their_parent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = spawn(["/bin/sh", "-c", "sleep 600 & echo $!; wait"], log=log)
    child = identify(int(wait_for_text(log)))
    assert child is not None
    kill(parent)
    deadline = time.monotonic() + 10
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_outlives_us_and_holds_no_terminal(sleeper: Identity) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid
    assert Path(f"/proc/{sleeper.pid}/fd/0").resolve() == Path(os.devnull)


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "echo.log"
    for word in ("first", "second"):
        identity = spawn(["/bin/sh", "-c", 'echo "$WORD"; echo error >&2'], log=log, environment={"WORD": word})
        while is_running(identity):
            time.sleep(0.01)
    assert log.read_text() == "first\nerror\nsecond\nerror\n"


def test_a_zombie_is_no_process(tmp_path: Path) -> None:
    dead = spawn(["/bin/true"], log=tmp_path / "log")
    stat = Path(f"/proc/{dead.pid}/stat")
    while ") Z " not in stat.read_text():
        time.sleep(0.01)
    assert identify(dead.pid) is None
    assert not is_running(dead)


def test_no_process_has_no_identity() -> None:
    assert identify(2**22 + 1) is None

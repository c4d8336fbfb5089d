"""What one command wrote, another one reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from localcluster import state
from localcluster.errors import LocalClusterError
from localcluster.processes.process import Identity
from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from pathlib import Path

STATE = State(
    cluster="one",
    time_scale=15,
    fast_pods=False,
    ports={"kube-apiserver": 20001, "prometheus": 20002, "engines": 20003},
    tokens={"admin": "secret"},
    programs={"kubectl": "/programs/kubectl"},
    processes={
        "etcd": ProcessRecord("etcd", ("/etcd", "--flag"), {"A": "b"}, "http://127.0.0.1:1/", Identity(1, 2, "boot")),
        "stopped": ProcessRecord("stopped", ("/stopped",), {}),
    },
    is_complete=True,
)


def test_a_state_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state.save(STATE, path)
    assert state.load(path) == STATE
    assert path.stat().st_mode & 0o077 == 0


def test_the_file_tells_scripts_what_they_need(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state.save(STATE, path)
    content = json.loads(path.read_text())
    assert content["url"] == "https://127.0.0.1:20001"
    assert content["prometheus_url"] == "http://127.0.0.1:20002"
    assert content["engines_port"] == 20003
    assert content["scrape_interval_seconds"] == 1


def test_no_file_means_down(tmp_path: Path) -> None:
    assert state.load(tmp_path / "state.json") is None


@pytest.mark.parametrize("text", ["{", "{}", '{"processes": {"etcd": {}}}', '{"processes": {}}'])
def test_a_file_of_another_version_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(LocalClusterError, match="cannot be read"):
        state.load(path)


def test_an_unknown_process_is_named_with_those_there_are() -> None:
    with pytest.raises(LocalClusterError, match="etcd, stopped"):
        STATE.process("operator")

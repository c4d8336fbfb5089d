"""Two clusters never get the same port, and nobody gets one that is taken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcluster.errors import LocalClusterError
from localcluster.processes import ports

if TYPE_CHECKING:
    from pathlib import Path


def owner(folder: Path, name: str) -> Path:
    path = folder / name
    path.touch()
    return path


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=6))
def test_clusters_share_no_port(tmp_path: Path, sizes: list[int]) -> None:
    given_out: list[int] = []
    for index, size in enumerate(sizes):
        names = [f"port-{number}" for number in range(size)]
        reserved = ports.reserve(names, owner=owner(tmp_path, f"owner-{index}"), registry=tmp_path / "registry")
        assert list(reserved) == names
        given_out += reserved.values()
    assert len(given_out) == len(set(given_out))
    assert all(ports.LOWEST <= port < ports.HIGHEST for port in given_out)


@pytest.fixture
def three_ports(monkeypatch: pytest.MonkeyPatch) -> int:
    """Leave room for three ports only, so that a wrong choice is certain to show."""
    first = next(port for port in range(31000, 32000, 3) if all(map(ports.is_free, range(port, port + 3))))
    monkeypatch.setattr(ports, "LOWEST", first)
    monkeypatch.setattr(ports, "HIGHEST", first + 3)
    return first


def test_a_port_in_use_is_left_alone(tmp_path: Path, three_ports: int) -> None:
    with socket.create_server(("127.0.0.1", three_ports)):
        reserved = ports.reserve(["a", "b"], owner=owner(tmp_path, "owner"), registry=tmp_path)
    assert sorted(reserved.values()) == [three_ports + 1, three_ports + 2]


def test_a_reservation_ends_with_its_owner(tmp_path: Path, three_ports: int) -> None:
    first = owner(tmp_path, "first")
    ports.reserve(["a", "b"], owner=first, registry=tmp_path)
    with pytest.raises(LocalClusterError, match=f"between {three_ports}"):
        ports.reserve(["c", "d"], owner=owner(tmp_path, "second"), registry=tmp_path)
    first.unlink()
    assert ports.reserve(["c", "d", "e"], owner=owner(tmp_path, "second"), registry=tmp_path)


@pytest.mark.usefixtures("three_ports")
def test_a_new_reservation_replaces_the_owners_old_one(tmp_path: Path) -> None:
    for _ in range(3):
        assert len(ports.reserve(["a", "b"], owner=owner(tmp_path, "owner"), registry=tmp_path)) == 2


def test_a_damaged_list_is_started_anew(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    assert ports.reserve(["a"], owner=owner(tmp_path, "owner"), registry=tmp_path)

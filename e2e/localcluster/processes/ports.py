"""Finds free loopback ports and reserves them for a cluster in a registry of the machine, without listening on them."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from localcluster.build.locks import exclusive
from localcluster.errors import LocalClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Below the range from which Linux takes ports for outgoing connections (32768..60999): a component that is killed and
# restarted must find its port free, not taken by some client's source port.
LOWEST, HIGHEST = 20000, 32000
_TRIES = 2000


def reserve(names: Sequence[str], *, owner: Path, registry: Path) -> dict[str, int]:
    """Reserve one free port per name for ``owner``.

    Args:
        names: what the ports are for.
        owner: a file that exists for as long as the ports are needed: a reservation without its file is void, and a
            new reservation of the same owner replaces the old one.
        registry: folder of the machine-wide list of reservations.

    Raises:
        LocalClusterError: no free ports were found.
    """
    with exclusive(registry / "ports.lock"):
        reserved = _active_reservations(registry, except_owner=owner)
        ports: dict[str, int] = {}
        for name in names:
            ports[name] = _free_port(taken={*map(int, reserved), *ports.values()})
        reserved |= {str(port): str(owner) for port in ports.values()}
        (registry / "ports.json").write_text(json.dumps(reserved, indent=1, sort_keys=True))
    return ports


def is_free(port: int) -> bool:
    """Whether no process listens on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection in TIME_WAIT does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _active_reservations(registry: Path, *, except_owner: Path) -> dict[str, str]:
    try:
        reserved: dict[str, str] = json.loads((registry / "ports.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {port: owner for port, owner in reserved.items() if owner != str(except_owner) and Path(owner).exists()}


def _free_port(*, taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = random.randrange(LOWEST, HIGHEST)  # noqa: S311  # spreads clusters over the range, hides nothing
        if port not in taken and is_free(port):
            return port
    raise LocalClusterError(
        f"No free port was found on 127.0.0.1 between {LOWEST} and {HIGHEST}.",
        advice="Stop the processes that listen there (`ss -ltn` shows them), or other local clusters, and try again.",
    )

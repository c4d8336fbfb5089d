"""The API server's audit log: who asked what, when."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, slots=True)
class Request:
    """One finished request. ``seconds`` is when it was received, since the epoch; ``milliseconds`` is how long it took.

    ``agent`` is the name that its process gives itself.
    """

    seconds: float
    user: str
    verb: str
    resource: str
    name: str
    namespace: str
    code: int
    milliseconds: float
    agent: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes something, or tries to."""
        return self.verb in WRITES


def read_requests(path: Path, since_seconds: float, *, user: str | None = None, start: int = 0) -> Iterator[Request]:
    """Requests received after a time, oldest first; of one user, or of all; from byte ``start``, where a line begins, on."""
    with path.open(encoding="utf-8") as lines:
        lines.seek(start)
        for line in lines:
            if not line.endswith("\n"):
                return  # the API server is still writing it
            entry = json.loads(line)
            if user is not None and entry["user"].get("username") != user:
                continue
            received = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
            if entry["stage"] == "ResponseComplete" and received >= since_seconds:
                yield _request(entry, received)


def _request(entry: dict, received: float) -> Request:  # type: ignore[type-arg]  # raw JSON
    target = entry.get("objectRef") or {}
    sub = target.get("subresource")
    resource = target.get("resource", entry["requestURI"]) + (f"/{sub}" if sub else "")
    return Request(
        received,
        entry["user"].get("username", ""),
        entry["verb"],
        resource,
        target.get("name", ""),
        target.get("namespace", ""),
        entry.get("responseStatus", {}).get("code", 0),
        1000 * (datetime.fromisoformat(entry["stageTimestamp"]).timestamp() - received),
        entry.get("userAgent", ""),
    )


def by_verb(requests: list[Request]) -> Counter[str]:
    """Numbers of requests by verb and resource, without leases."""
    return Counter(f"{r.verb} {r.resource}" for r in requests if r.resource != "leases")

"""Faults of requests as data: the requests that they match, how often, and the effect instead of a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modelmatrix.planning.snapshot.views import NamespacedName

Object = dict[str, Any]


@dataclass(slots=True)
class Request:
    """A request as in the API server's audit log, with its body and the status code of its response."""

    verb: str
    group: str
    plural: str
    subresource: str
    key: NamespacedName
    query: dict[str, str]
    content_type: str
    body: Any
    code: int = 0

    @property
    def resource(self) -> str:
        """The resource as in a role, e.g. ``modeldeployments/status``."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural

    @property
    def is_write(self) -> bool:
        """Whether the request changes an object."""
        return self.verb not in ("get", "list", "watch")


class Answer(NamedTuple):
    """A response that does not come from the store; ``text`` takes precedence over a Status object."""

    code: int
    reason: str = ""
    text: str | bytes | None = None


class Hang(NamedTuple):
    """No response while the server runs; with ``commits`` the request takes effect before."""

    commits: bool = False


class Reset(NamedTuple):
    """The connection breaks; with ``commits`` the request takes effect before: a lost acknowledgement."""

    commits: bool = False


class Slow(NamedTuple):
    """A delayed response."""

    seconds: float


class HalfLine(NamedTuple):
    """A watch sends half of an event, and its connection ends."""


class Stall(NamedTuple):
    """A watch starts and stays silent: no events, no bookmarks, no end."""


class EndAtOnce(NamedTuple):
    """A watch starts and ends without an event."""


Effect = Answer | Hang | Reset | Slow | HalfLine | Stall | EndAtOnce


@dataclass(slots=True)
class Fault:
    """An effect on matching requests, ``times`` times, or without end if ``None``."""

    effect: Effect
    matches: Callable[[Request], bool] = lambda _: True
    times: int | None = None


@dataclass(slots=True)
class FaultPlan:
    """Faults in order; the first that matches a request applies."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, effect: Effect, matches: Callable[[Request], bool] = lambda _: True, *, times: int | None = None) -> Fault:
        """Add a fault; returns it for :meth:`remove`."""
        fault = Fault(effect, matches, times)
        self.faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Remove a fault."""
        self.faults.remove(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self.faults.clear()

    def effect_on(self, request: Request) -> Effect | None:
        """The effect on a request, if any; counts the use of the fault."""
        for fault in self.faults:
            if fault.times == 0 or not fault.matches(request):
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault.effect
        return None


def of(verb: str = "", plural: str = "", name: str = "") -> Callable[[Request], bool]:
    """A predicate of requests by verb, plural and name; an empty text matches all."""

    def matches(request: Request) -> bool:
        return all(
            not wished or wished == found
            for wished, found in ((verb, request.verb), (plural, request.plural), (name, request.key.name))
        )

    return matches

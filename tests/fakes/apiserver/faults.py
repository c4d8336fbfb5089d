"""What can go wrong with a request, as data: which requests, how often, and what happens instead of an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modelmatrix.planning.snapshot.views import NamespacedName

Object = dict[str, Any]


@dataclass(slots=True)
class Request:
    """A request as the API server's audit log would name it, with its body and the code of its answer."""

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
        """The resource as a role names it, e.g. ``modeldeployments/status``."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural

    @property
    def is_write(self) -> bool:
        """Whether it changes anything."""
        return self.verb not in ("get", "list", "watch")


class Answer(NamedTuple):
    """An answer that does not come from the store. ``text`` wins over a Status object."""

    code: int
    reason: str = ""
    text: str | bytes | None = None


class Hang(NamedTuple):
    """No answer for as long as the server lives; ``commits`` carries the request out before."""

    commits: bool = False


class Reset(NamedTuple):
    """The connection breaks; ``commits`` carries the request out before: a lost acknowledgement."""

    commits: bool = False


class Slow(NamedTuple):
    """The answer comes later."""

    seconds: float


class HalfLine(NamedTuple):
    """A watch sends the beginning of an event, and its connection ends."""


class Stall(NamedTuple):
    """A watch is answered and then stays silent: no events, no bookmarks, no end."""


class EndAtOnce(NamedTuple):
    """A watch is answered and ends without an event."""


Effect = Answer | Hang | Reset | Slow | HalfLine | Stall | EndAtOnce


@dataclass(slots=True)
class Fault:
    """An effect on the requests that it matches, ``times`` times; for ever when that is ``None``."""

    effect: Effect
    matches: Callable[[Request], bool] = lambda _: True
    times: int | None = None


@dataclass(slots=True)
class FaultPlan:
    """Faults in the order in which they are tried."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, effect: Effect, matches: Callable[[Request], bool] = lambda _: True, *, times: int | None = None) -> Fault:
        """Plan a fault; the result can be given to :meth:`remove`."""
        fault = Fault(effect, matches, times)
        self.faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """End a fault."""
        self.faults.remove(fault)

    def clear(self) -> None:
        """End all faults."""
        self.faults.clear()

    def effect_on(self, request: Request) -> Effect | None:
        """What happens to a request, if anything; counts it."""
        for fault in self.faults:
            if fault.times == 0 or not fault.matches(request):
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault.effect
        return None


def of(verb: str = "", plural: str = "", name: str = "") -> Callable[[Request], bool]:
    """Matches requests of a verb, a kind and a name; an empty word matches all."""

    def matches(request: Request) -> bool:
        return all(
            not wished or wished == found
            for wished, found in ((verb, request.verb), (plural, request.plural), (name, request.key.name))
        )

    return matches

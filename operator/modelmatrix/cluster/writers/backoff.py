"""Growing pauses between repetitions of the same thing, by name: for what is refused, and for what others undo."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from modelmatrix.cluster.writers.inflight import Name

LONGEST_SECONDS = 300.0
MEMORY_SECONDS = 60.0  # what was not repeated for so long after its pause was no repetition


@dataclass(slots=True)
class _BackoffEntry:
    what: object
    seconds: float
    until: float
    times: int


class Backoff:
    """Remembers what was tried for each name, and until when the same need not be tried again.

    ``clock`` counts seconds and never goes back. Something else of the same name is due at once.
    """

    def __init__(self, clock: Callable[[], float], first_seconds: float) -> None:
        self._clock = clock
        self._first = first_seconds
        self._pauses: dict[Name, _BackoffEntry] = {}

    def __contains__(self, name: Name) -> bool:
        """Whether something is remembered of a name."""
        return name in self._pauses

    def start(self, name: Name, what: object, *, most_seconds: float = LONGEST_SECONDS) -> float:
        """Begin a pause, twice as long as the one before if it is for the same thing. When it ends."""
        before = self._pauses.get(name)
        if before is None or before.what != what:
            before = _BackoffEntry(what, self._first / 2, 0.0, 0)
        seconds = min(2 * before.seconds, most_seconds)
        self._pauses[name] = _BackoffEntry(what, seconds, self._clock() + seconds, before.times + 1)
        return self._pauses[name].until

    def is_due(self, name: Name, what: object) -> bool:
        """Whether something may be tried."""
        pause = self._pauses.get(name)
        return pause is None or self._clock() >= pause.until or pause.what != what

    def times(self, name: Name, what: object) -> int:
        """How often just this was tried in a row."""
        pause = self._pauses.get(name)
        return pause.times if pause is not None and pause.what == what else 0

    def until(self, name: Name) -> float:
        """When the pause of a name ends or has ended."""
        return self._pauses[name].until

    def names(self) -> Collection[Name]:
        """Names of which something is remembered."""
        return self._pauses.keys()

    def end(self, name: Name) -> None:
        """Forget what was tried for a name."""
        self._pauses.pop(name, None)

    def forget_old(self) -> None:
        """Forget what was not tried again for a while after its pause."""
        old = self._clock() - MEMORY_SECONDS
        self._pauses = {name: pause for name, pause in self._pauses.items() if pause.until > old}

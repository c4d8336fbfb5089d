"""Exponential backoff by key: for writes that fail, and for writes that something reverts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelmatrix.cluster.writers.inflight import WriteKey

MAX_SECONDS = 300.0
RETAIN_SECONDS = 60.0  # an attempt this long after the end of its pause does not count as a repetition


@dataclass(slots=True)
class _BackoffEntry:
    attempt: object
    seconds: float
    until: float
    times: int


class Backoff:
    """Remembers the last attempt for each key, and until when the same attempt is not due again.

    ``clock`` is monotonic, in seconds. An attempt that differs from the last one for its key is due at once.
    """

    def __init__(self, clock: Callable[[], float], first_seconds: float) -> None:
        self._clock = clock
        self._first = first_seconds
        self._entries: dict[WriteKey, _BackoffEntry] = {}

    def __contains__(self, name: WriteKey) -> bool:
        """Whether an attempt for this key is remembered."""
        return name in self._entries

    def start(self, name: WriteKey, attempt: object, *, max_seconds: float = MAX_SECONDS) -> float:
        """Start a pause, twice as long as the last one of an equal attempt; returns its end in seconds of ``clock``."""
        before = self._entries.get(name)
        if before is None or before.attempt != attempt:
            before = _BackoffEntry(attempt, self._first / 2, 0.0, 0)
        seconds = min(2 * before.seconds, max_seconds)
        self._entries[name] = _BackoffEntry(attempt, seconds, self._clock() + seconds, before.times + 1)
        return self._entries[name].until

    def is_due(self, name: WriteKey, attempt: object) -> bool:
        """Whether the pause of this attempt has ended; true for an attempt that differs from the last one."""
        pause = self._entries.get(name)
        return pause is None or self._clock() >= pause.until or pause.attempt != attempt

    def attempts(self, name: WriteKey, attempt: object) -> int:
        """How often this attempt was started in a row; 0 if the last one was different."""
        pause = self._entries.get(name)
        return pause.times if pause is not None and pause.attempt == attempt else 0

    def until(self, name: WriteKey) -> float:
        """The end of the pause of a key, in seconds of ``clock``; raises KeyError for an unknown key."""
        return self._entries[name].until

    def __iter__(self) -> Iterator[WriteKey]:
        """All keys with a remembered attempt."""
        return iter(self._entries)

    def reset(self, name: WriteKey) -> None:
        """Forget the attempt of a key: the next one starts with the first pause."""
        self._entries.pop(name, None)

    def prune(self) -> None:
        """Forget attempts whose pause ended more than ``RETAIN_SECONDS`` ago."""
        old = self._clock() - RETAIN_SECONDS
        self._entries = {name: pause for name, pause in self._entries.items() if pause.until > old}

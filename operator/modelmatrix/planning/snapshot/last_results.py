"""Results that one plan leaves to the next, so that only what has changed is worked out again."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LastResults(Generic[Key, Value]):
    """Results by key. Whoever reads one compares the inputs that are stored with it.

    The size is bounded by the fleet: a result that a plan does not read or write is dropped when the plan after it begins.
    """

    __slots__ = ("_current", "_last")

    def __init__(self) -> None:
        self._current: dict[Key, Value] = {}
        self._last: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._current.keys() | self._last.keys())

    def begin(self) -> None:
        """Begin a plan."""
        self._last, self._current = self._current, {}

    def branch(self) -> LastResults[Key, Value]:
        """Results that begin with these and leave these as they are."""
        branch: LastResults[Key, Value] = LastResults()
        branch._current = self._last | self._current
        return branch

    def get(self, key: Key) -> Value | None:
        """The result of this plan or the last one."""
        value = self._current.get(key)
        if value is None:
            value = self._last.get(key)
            if value is not None:
                self._current[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Store a result."""
        self._current[key] = value

    def clear(self) -> None:
        """Drop all results: an input of every one of them has changed."""
        self._current, self._last = {}, {}

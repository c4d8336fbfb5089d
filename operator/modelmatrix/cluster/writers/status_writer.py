"""The only writer of status: compare, wait a little for more of the same, then patch.

A change of what is true is written at once; a change of mere numbers waits, because more of them follow. The first status
of an object waits too: replicas that are ready at once then need one write, not two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from modelmatrix.api.names import Kind
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, Conflict, NotFound, TransientError
from modelmatrix.cluster.writers.backoff import Backoff
from modelmatrix.cluster.writers.event_recorder import EventRecorder
from modelmatrix.cluster.writers.inflight import InFlight
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
LONGEST_UNANSWERED_SECONDS = 15.0  # what passes by itself has passed soon
LONGEST_REFUSED_SECONDS = 300.0
CACHE_LAG_SECONDS = 5.0  # longer than a watch event ever takes; a write that is repeated after it does no harm


@dataclass(frozen=True, slots=True)
class WriteDelays:
    """How long a write may wait: until nothing has changed for ``quiet``, at most ``longest``; ``first`` for a new object."""

    quiet_seconds: float
    longest_seconds: float
    first_seconds: float


DEPLOYMENT_DELAYS = WriteDelays(quiet_seconds=2.0, longest_seconds=5.0, first_seconds=0.3)
POOL_DELAYS = WriteDelays(quiet_seconds=2.0, longest_seconds=10.0, first_seconds=0.0)


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status as it should be, as it is stored, and what to tell when it is written."""

    kind: Kind
    key: NamespacedName
    stored: Mapping[str, Any]
    wished: Mapping[str, Any]
    notes: tuple[EventRecord, ...]
    delays: WriteDelays


@dataclass(slots=True)
class _Pending:
    wish: StatusUpdate
    since: float
    changed: float
    not_before: float = 0.0


class StatusWriter:
    """Writes statuses that differ from what is stored."""

    def __init__(self, client: ApiClient, recorder: EventRecorder, clock: Callable[[], float]) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._changed = asyncio.Event()
        self.in_flight = InFlight(ended=self._changed.set)
        self._pending: dict[tuple[str, NamespacedName], _Pending] = {}
        self._written = Backoff(clock, CACHE_LAG_SECONDS)
        self._refused = Backoff(clock, RETRY_SECONDS)

    def submit(self, wishes: Iterable[StatusUpdate]) -> None:
        """Take the wished statuses of all objects; those of objects that are not named are forgotten."""
        now, before, self._pending = self._clock(), self._pending, {}
        for wish in wishes:
            name = (wish.kind.plural, wish.key)
            if wish.stored == wish.wished or not self._written.is_due(name, _effect(wish)):
                continue
            old = before.get(name)
            if old is None:
                self._pending[name] = _Pending(wish, now, now)
            elif without_timestamps(old.wish.wished) == without_timestamps(
                wish.wished
            ):  # it became true when it was first said
                self._pending[name] = replace(old, wish=replace(wish, wished=old.wish.wished))
            else:
                again = _truth(old.wish.wished) == _truth(wish.wished)
                self._pending[name] = _Pending(wish, old.since, now, old.not_before if again else 0.0)
        self._written.forget_old()
        self._refused.forget_old()
        self._changed.set()

    async def run(self) -> None:
        """Write what is due, whenever it is due, until cancelled."""
        while True:
            self._changed.clear()
            self.start_due()
            await self._wait()

    def start_due(self) -> None:
        """Start the writes that are due."""
        now = self._clock()
        for name, pending in self._pending.items():
            if name not in self.in_flight and _due_at(pending) <= now:
                self.in_flight.start(name, partial(self._write, pending))

    async def _wait(self) -> None:
        """Wait for a new offer, or until the next write is due."""
        due = [_due_at(pending) for name, pending in self._pending.items() if name not in self.in_flight]
        left = min(due) - self._clock() if due else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if left is None else max(0.0, left)):
                await self._changed.wait()

    async def _write(self, pending: _Pending) -> None:
        wish = pending.wish
        patch = {"status": merge_patch(wish.stored, wish.wished)}
        try:
            await self._client.merge(wish.kind, wish.key, patch, subresource="status")
        except NotFound:
            pass  # deleted meanwhile
        except (ApiError, TransientError) as error:
            _log.warning("status of %s %s was not written: %s", wish.kind.kind, wish.key, error)
            self._retry_later(wish, error)
            return
        self._drop(wish)
        self._refused.end((wish.kind.plural, wish.key))
        self._written.start((wish.kind.plural, wish.key), _effect(wish))
        for note in wish.notes:
            await self._recorder.record(note)

    def _drop(self, wish: StatusUpdate) -> None:
        """Forget a wish that is fulfilled, unless a newer one has come meanwhile."""
        name = (wish.kind.plural, wish.key)
        pending = self._pending.get(name)
        if pending is not None and pending.wish.wished == wish.wished:
            del self._pending[name]

    def _retry_later(self, wish: StatusUpdate, error: ApiError | TransientError) -> None:
        name = (wish.kind.plural, wish.key)
        passes = isinstance(error, (TransientError, Conflict))
        most = LONGEST_UNANSWERED_SECONDS if passes else LONGEST_REFUSED_SECONDS
        until = self._refused.start(name, _truth(wish.wished), most_seconds=most)
        pending = self._pending.get(name)
        if pending is not None and _truth(pending.wish.wished) == _truth(wish.wished):
            pending.not_before = until


def _effect(wish: StatusUpdate) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """What a write changes; the cache shows what was before for a moment, and later only if somebody has undone it."""
    return (wish.stored, without_timestamps(wish.wished))


def without_timestamps(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the times at which it came to be: until it is stored, each plan gives it new ones."""
    parts = (("conditions", "lastTransitionTime"), ("scalingHistory", "time"))
    bare = {name: [{k: v for k, v in item.items() if k != time} for item in status.get(name, ())] for name, time in parts}
    return {**status, **bare}


def merge_patch(stored: Mapping[str, Any], wished: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7396) that turns one map into the other; lists are replaced whole."""
    patch: dict[str, Any] = {key: None for key in stored if key not in wished}
    for key, value in wished.items():
        old = stored.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = merge_patch(old, value)
            if inner:
                patch[key] = inner
        elif old != value:
            patch[key] = value
    return patch


def _due_at(pending: _Pending) -> float:
    wish = pending.wish
    if _truth(wish.stored) != _truth(wish.wished) and wish.stored:
        return pending.not_before
    if not wish.stored:
        return max(pending.not_before, pending.since + _first_delay(wish))
    quiet, longest = pending.changed + wish.delays.quiet_seconds, pending.since + wish.delays.longest_seconds
    return max(pending.not_before, min(quiet, longest))


def _first_delay(wish: StatusUpdate) -> float:
    """A refusal is told at once: nothing will improve it in a second."""
    stalled = any(condition["type"] == "Stalled" for condition in wish.wished.get("conditions", ()))
    return 0.0 if stalled else wish.delays.first_seconds


def _truth(status: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is true of an object, without numbers and words."""
    return [(c.get("type", ""), c.get("status", ""), c.get("reason", "")) for c in status.get("conditions", ())]

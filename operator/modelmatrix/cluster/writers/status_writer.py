"""The status writer: the only writer of the status subresource.

Every plan submits the desired status of every object; the writer replaces those that differ from the stored one.

1. A change of a condition's status or reason is written at once.
2. A change of numbers or messages only waits until the status has been stable for ``quiet``, at most ``longest``: while
   replicas start, numbers change every second. The first status of an object waits for ``first``, unless it is stalled.
3. Timestamps alone never cause a write. While a change waits it keeps the timestamps of the plan that first contained it.
4. After a write the same change is not written again for 5 s, longer than the watch event takes; after a failure the same
   conditions back off from 2 s to 15 s (transient errors) or to 300 s (rejections).
5. The events of an update are recorded after its status is written, so that an Event never announces what status denies.
6. An object is known by its UID, and every write names it: one that is deleted and created again under its name never gets
   the status of its predecessor, whose numbers would count as decided for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from modelmatrix.api.conditions import STALLED
from modelmatrix.api.names import Kind
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, Conflict, NotFound, TransientError
from modelmatrix.cluster.writers.backoff import Backoff
from modelmatrix.cluster.writers.event_recorder import EventRecorder
from modelmatrix.cluster.writers.inflight import InFlight, WriteKey
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
MAX_TRANSIENT_SECONDS = 15.0  # transient errors end soon, and recovery must not wait for this backoff
MAX_REJECTED_SECONDS = 300.0
CACHE_LAG_SECONDS = 5.0  # longer than a watch event takes; repeating a write after it is harmless


@dataclass(frozen=True, slots=True)
class WriteDelays:
    """How long a write waits: until nothing changed for ``quiet``, at most ``longest``; ``first`` for the first status."""

    quiet_seconds: float
    longest_seconds: float
    first_seconds: float


DEPLOYMENT_DELAYS = WriteDelays(quiet_seconds=2.0, longest_seconds=5.0, first_seconds=0.3)
POOL_DELAYS = WriteDelays(quiet_seconds=2.0, longest_seconds=10.0, first_seconds=0.0)


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """The desired and the stored status of an object, and the events to record once the desired one is written."""

    kind: Kind
    key: NamespacedName
    uid: str
    stored: Mapping[str, Any]
    desired: Mapping[str, Any]
    events: tuple[EventRecord, ...]
    delays: WriteDelays

    @property
    def name(self) -> WriteKey:
        """The object that it is for."""
        return (self.kind.plural, self.uid)


@dataclass(slots=True)
class _Pending:
    update: StatusUpdate
    first_submitted_at: float
    last_changed_at: float
    not_before: float = 0.0


class StatusWriter:
    """Replaces every status that differs from the stored one; ``clock`` is monotonic, in seconds."""

    def __init__(self, client: ApiClient, recorder: EventRecorder, clock: Callable[[], float]) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._changed = asyncio.Event()
        self.in_flight = InFlight(on_finish=self._changed.set)
        self._pending: dict[WriteKey, _Pending] = {}
        self._written = Backoff(clock, CACHE_LAG_SECONDS)
        self._refused = Backoff(clock, RETRY_SECONDS)

    def submit(self, updates: Iterable[StatusUpdate]) -> None:
        """Replace all pending updates: ``updates`` must hold the status of every object that exists."""
        now, before, self._pending = self._clock(), self._pending, {}
        for update in updates:
            name = update.name
            if update.stored == update.desired or not self._written.is_due(name, _effect(update)):
                continue
            pending = before.get(name)
            if pending is None:
                self._pending[name] = _Pending(update, now, now)
            else:
                self._pending[name] = _merged(pending, update, now)
        self._written.prune()
        self._refused.prune()
        self._changed.set()

    async def run(self) -> None:
        """Start every write when it is due, until cancelled."""
        while True:
            self._changed.clear()
            self.start_due()
            await self._wait()

    def start_due(self) -> None:
        """Start the writes that are due now; at most one per object is in flight."""
        now = self._clock()
        for name, pending in self._pending.items():
            if name not in self.in_flight and _due_at(pending) <= now:
                self.in_flight.start(name, partial(self._write, pending))

    async def _wait(self) -> None:
        """Wait for new updates or for the end of a write, at most until the next write is due."""
        due = [_due_at(pending) for name, pending in self._pending.items() if name not in self.in_flight]
        left = min(due) - self._clock() if due else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if left is None else max(0.0, left)):
                await self._changed.wait()

    async def _write(self, pending: _Pending) -> None:
        update = pending.update
        try:
            await self._client.replace_status(update.kind, update.key, {**update.desired}, uid=update.uid)
        except NotFound:
            pass  # deleted meanwhile
        except (ApiError, TransientError) as error:
            fields = {"kind": update.kind.kind, "object": str(update.key)}
            _log.warning("status of %s %s was not written: %s", update.kind.kind, update.key, error, extra=fields)
            self._retry_later(update, error)
            return
        self._forget_written(update)
        self._refused.reset(update.name)
        self._written.start(update.name, _effect(update))
        for event in update.events:
            await self._recorder.record(event)

    def _forget_written(self, update: StatusUpdate) -> None:
        """Forget an update that was written, unless a newer one was submitted meanwhile."""
        pending = self._pending.get(update.name)
        if pending is not None and pending.update.desired == update.desired:
            del self._pending[update.name]

    def _retry_later(self, update: StatusUpdate, error: ApiError | TransientError) -> None:
        transient = isinstance(error, (TransientError, Conflict))
        most = MAX_TRANSIENT_SECONDS if transient else MAX_REJECTED_SECONDS
        until = self._refused.start(update.name, _condition_states(update.desired), max_seconds=most)
        pending = self._pending.get(update.name)
        if pending is not None and _condition_states(pending.update.desired) == _condition_states(update.desired):
            pending.not_before = until


def _merged(pending: _Pending, update: StatusUpdate, now: float) -> _Pending:
    """A pending update with the newer plan's; an equal status keeps the timestamps of the plan that first contained it."""
    before, after = pending.update.desired, update.desired
    if without_timestamps(before) == without_timestamps(after):
        return replace(pending, update=replace(update, desired=before))
    not_before = pending.not_before if _condition_states(before) == _condition_states(after) else 0.0
    return _Pending(update, pending.first_submitted_at, now, not_before)


def _effect(update: StatusUpdate) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The change that a write makes: the informer shows it again briefly until the watch event, later only when reverted."""
    return (update.stored, without_timestamps(update.desired))


def without_timestamps(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the timestamps of conditions and scaling history: each plan sets new ones until they are stored."""
    timed = (("conditions", "lastTransitionTime"), ("scalingHistory", "time"))
    bare = {field: [{k: v for k, v in entry.items() if k != time} for entry in status.get(field, ())] for field, time in timed}
    return {**status, **bare}


def _due_at(pending: _Pending) -> float:
    update = pending.update
    if not update.stored:
        return max(pending.not_before, pending.first_submitted_at + _first_delay(update))
    if _condition_states(update.stored) != _condition_states(update.desired):
        return pending.not_before
    quiet_at = pending.last_changed_at + update.delays.quiet_seconds
    latest_at = pending.first_submitted_at + update.delays.longest_seconds
    return max(pending.not_before, min(quiet_at, latest_at))


def _first_delay(update: StatusUpdate) -> float:
    """No delay for a stalled deployment: it will not change within the delay."""
    stalled = any(condition["type"] == STALLED for condition in update.desired.get("conditions", ()))
    return 0.0 if stalled else update.delays.first_seconds


def _condition_states(status: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Type, status and reason of every condition: the part of a status whose change is written at once."""
    return [(c.get("type", ""), c.get("status", ""), c.get("reason", "")) for c in status.get("conditions", ())]

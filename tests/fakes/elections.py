"""Electors as simulated processes: each has its own event loop that may freeze; one Lease; a network with delay and loss.

A request takes effect when it arrives, even if its client has given up by then. Nothing here waits for real time.
"""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from fakes.apiserver.store import Refusal, Store
from fakes.virtual_time import VirtualTimeLoop
from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import Rejected, TransientError, error_from
from modelmatrix.cluster.leader_election import LeaderElector, LeadershipLost
from modelmatrix.cluster.observed_lease import Holder
from modelmatrix.planning.snapshot.views import NamespacedName

Object = dict[str, Any]
NEVER = 1e9


class Weather(NamedTuple):
    """The network of a request: seconds to the server and back, or an immediate refusal."""

    there: float = 0.01
    back: float = 0.01
    refuses: bool = False


@dataclass
class World:
    """The API server and the time that all processes share."""

    now: float = 0.0
    store: Store = field(default_factory=lambda: Store({names.LEASES.plural: names.LEASES}))
    weather: Callable[[], Weather] = Weather
    watchers: list[Callable[[], None]] = field(default_factory=list)
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.store.notify = self._notify

    def _notify(self) -> None:
        for note in list(self.watchers):
            note()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action at a time."""
        heapq.heappush(self._queue, (seconds, next(self._order), action))

    @property
    def next_event(self) -> float:
        """The time of the next arrival of a request or a response."""
        return self._queue[0][0] if self._queue else NEVER

    def advance(self, until: float) -> None:
        """Advance the time, and run the actions that are due."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = until


class _Loop(VirtualTimeLoop):
    """The event loop of one process: its clock runs at its own rate relative to the shared time."""

    def __init__(self, world: World, rate: float) -> None:
        self.world, self.rate = world, rate
        super().__init__()

    def time(self) -> float:
        return self.world.now * self.rate

    def step(self, timeout: float | None) -> None:
        """Does not wait: the shared time advances outside the loop."""

    @property
    def next_timer(self) -> float:
        """The shared time of the next timer; now if a callback is ready."""
        if self._ready:  # type: ignore[attr-defined]
            return self.world.now
        timers = (handle.when() for handle in self._scheduled if not handle.cancelled())  # type: ignore[attr-defined]
        return min(timers, default=NEVER) / self.rate


class _Client:
    """The client methods that the elector uses, over the simulated network."""

    def __init__(self, world: World, loop: _Loop) -> None:
        self.cut_until = 0.0
        self.sent = 0
        self.watches = True
        self._world, self._loop = world, loop

    async def get(self, _kind: object, key: NamespacedName, *, timeout_seconds: float = 0) -> Object:
        del timeout_seconds
        return await self._send(lambda: self._world.store.get(names.LEASES.plural, key))

    async def create(self, _kind: object, key: NamespacedName, item: Object, *, timeout_seconds: float = 0) -> Object:
        del timeout_seconds
        sent = copy.deepcopy(item)
        return await self._send(lambda: self._world.store.create(names.LEASES.plural, key, sent))

    async def replace(self, _kind: object, key: NamespacedName, item: Object, *, timeout_seconds: float = 0) -> Object:
        del timeout_seconds
        sent = copy.deepcopy(item)
        return await self._send(lambda: self._world.store.replace(names.LEASES.plural, key, sent))

    async def watch(
        self, _kind: object, version: str, *, namespace: str = "", fields: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """Changes arrive in order, each after the delay of its own weather; a refusal breaks the stream."""
        assert (namespace, fields) == ("system", f"metadata.name={names.LEASE_NAME}")
        if not self.watches:
            raise Rejected(403, "Forbidden", "cannot watch resource leases")
        arrived: asyncio.Queue[tuple[str, Object] | None] = asyncio.Queue()
        state = _Stream(int(version), self._world.now)

        def note() -> None:
            for change in self._world.store.history:
                if change.version > state.version:
                    state.version = change.version
                    self._deliver_later(state, arrived, None if self._world.weather().refuses else (change.type, change.item))

        self._world.watchers.append(note)
        try:
            note()
            while (event := await arrived.get()) is not None:
                yield event
            raise TransientError("the stream broke")
        finally:
            self._world.watchers.remove(note)

    def _deliver_later(self, state: _Stream, arrived: asyncio.Queue[Any], event: tuple[str, Object] | None) -> None:
        delay = NEVER if self._world.now < self.cut_until else self._world.weather().back
        state.last_at = max(state.last_at, self._world.now + delay)
        self._world.at(state.last_at, lambda: arrived.put_nowait(copy.deepcopy(event)))

    async def _send(self, execute: Callable[[], Object]) -> Object:
        self.sent += 1
        weather, future = self._world.weather(), self._loop.create_future()
        if self._world.now < self.cut_until:
            return cast("Object", await future)  # a response that never comes
        if weather.refuses:
            raise TransientError("connection refused")

        def arrive() -> None:
            try:
                answer: Object | Exception = execute()
            except Refusal as refusal:
                answer = error_from(refusal.code, {"reason": refusal.reason, "message": str(refusal)})
            self._world.at(self._world.now + weather.back, lambda: _deliver(future, answer))

        self._world.at(self._world.now + weather.there, arrive)
        return cast("Object", await future)


@dataclass
class _Stream:
    """A watch: the last version that was sent, and when that arrives."""

    version: int
    last_at: float


def _deliver(future: asyncio.Future[Any], answer: Object | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


class Process:
    """An operator process that only takes part in the election. ``stopped_until`` freezes it, like SIGSTOP."""

    def __init__(self, world: World, name: str, rate: float = 1.0, *, installation: str = "system/one") -> None:
        self.world, self.name = world, name
        self.loop = _Loop(world, rate)
        self.stopped_until = 0.0
        self.ended = False
        self.client = _Client(world, self.loop)
        self.elector = LeaderElector(cast("ApiClient", self.client), "system", Holder(installation, name), self.loop.time)
        self._task = self.loop.create_task(self._live())

    @property
    def leads(self) -> bool:
        """Whether the process would write now."""
        return not self.ended and self.elector.is_leader

    def cut(self, seconds: float) -> None:
        """Cut the process off from the network."""
        self.client.cut_until = self.world.now + seconds

    def terminate(self) -> None:
        """SIGTERM: the process releases the Lease and ends."""
        self._task.cancel()

    def kill(self) -> None:
        """SIGKILL: the process ends without releasing the Lease."""
        self.ended = True

    @property
    def next_event(self) -> float:
        """The time of its next own action."""
        return NEVER if self.ended else max(self.stopped_until, self.loop.next_timer)

    def run(self) -> None:
        """Run all due callbacks, unless the process is frozen."""
        while self.next_event <= self.world.now:
            self._run_once()
            self.ended = self._task.done()

    def close(self) -> None:
        """Close the event loop."""
        while not self._task.done():
            self._task.cancel()
            self._run_once()
        self.loop.close()

    def _run_once(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    async def _live(self) -> None:
        with suppress(LeadershipLost):
            try:
                await self.elector.run()
            finally:
                await self.elector.release()

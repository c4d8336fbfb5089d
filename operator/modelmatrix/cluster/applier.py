"""The only writer of workloads: executes actions, at most one at a time for an object, and backs off from refusals."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from modelmatrix.api.names import DELETION_COST
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import AlreadyExists, ApiError, Conflict, NotFound, Unreachable
from modelmatrix.cluster.inflight import InFlight
from modelmatrix.planning.actions import Action, Apply, Create, Delete, Mark, Scale
from modelmatrix.planning.snapshot import Failure
from modelmatrix.planning.views import Key

_log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 300.0
FIRST_TO_GO = "-1000"
CACHE_LAG_SECONDS = 5.0  # longer than a watch event ever takes; a write that is repeated after it does no harm


@dataclass(slots=True)
class _Backoff:
    failure: Failure | None
    delay_seconds: float
    until: float


class Applier:
    """Executes actions. ``failures`` are what users must know, by deployment.

    ``clock`` counts seconds and never goes back; ``wall_clock`` gives the time that users see. ``failed`` is called when
    something has failed: nothing else in the cluster would tell.
    """

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self.in_flight = InFlight()
        self._client = client
        self._failed = failed
        self._clock = clock
        self._wall_clock = wall_clock
        self._backoffs: dict[tuple[str, Key], _Backoff] = {}
        self._owners: dict[tuple[str, Key], Key] = {}
        self._done: dict[tuple[str, Key], tuple[Action, float]] = {}

    @property
    def failures(self) -> dict[Key, Failure]:
        """The refusal of each deployment's writes, if there is one."""
        return {self._owners[name]: backoff.failure for name, backoff in self._backoffs.items() if backoff.failure is not None}

    def submit(self, actions: Iterable[Action]) -> None:
        """Start the actions that are due; those of objects that are being written wait for the next plan.

        ``actions`` is everything that the plan wants: what failed and is not among them does not matter any more.
        """
        wanted = list(actions)
        self._forget_done()
        self._forget_failures(but={_name(action) for action in wanted})
        for action in wanted:
            name = _name(action)
            if name not in self.in_flight and self._is_due(action) and not self._was_done(action):
                self.in_flight.start(name, partial(self._execute, action))

    def forget(self, deployments: Iterable[Key]) -> None:
        """Drop what is remembered about deployments that are gone."""
        gone = set(deployments)
        for name in [name for name, owner in self._owners.items() if owner in gone]:
            self._backoffs.pop(name, None)
            del self._owners[name]

    def owners(self) -> set[Key]:
        """Deployments that something is remembered about."""
        return set(self._owners.values())

    @property
    def next_due(self) -> float | None:
        """When the first backed-off action may be tried again, on ``clock``; ``None`` when there is none.

        One that is being tried wakes the loop by itself when it fails.
        """
        waiting = (backoff.until for name, backoff in self._backoffs.items() if name not in self.in_flight)
        return min(waiting, default=None)

    def _is_due(self, action: Action) -> bool:
        backoff = self._backoffs.get(_name(action))
        return backoff is None or self._clock() >= backoff.until

    def _was_done(self, action: Action) -> bool:
        """Whether just this was done a moment ago, so that the cache only does not show it yet."""
        done = self._done.get(_name(action))
        return done is not None and self._clock() - done[1] < CACHE_LAG_SECONDS and done[0] == action

    async def _execute(self, action: Action) -> None:
        try:
            await self._send(action)
        except (Unreachable, Conflict) as error:
            _log.info("%s %s: %s", type(action).__name__, action.key, error)
            self._back_off(action, None)
        except ApiError as error:
            failure = _failure(action, error, self._wall_clock())
            _log.warning("%s %s %s: %s", type(action).__name__, action.kind.kind, action.key, failure.message)
            self._back_off(action, failure)
        else:
            self._backoffs.pop(_name(action), None)
            self._owners.pop(_name(action), None)
            self._done[_name(action)] = (action, self._clock())

    def _forget_done(self) -> None:
        now = self._clock()
        self._done = {name: entry for name, entry in self._done.items() if now - entry[1] < CACHE_LAG_SECONDS}

    def _forget_failures(self, *, but: set[tuple[str, Key]]) -> None:
        for name in self._backoffs.keys() - but:
            if name not in self.in_flight:
                del self._backoffs[name]
                del self._owners[name]

    async def _send(self, action: Action) -> None:
        match action:
            case Create():
                await self._create(action)
            case Apply():
                # With the UID in the manifest the API server refuses to touch a namesake.
                metadata = {**action.manifest["metadata"], "uid": action.uid}
                await self._client.apply(action.kind, action.key, {**action.manifest, "metadata": metadata})
            case Scale():
                patch = {"metadata": {"uid": action.uid}, "spec": {"replicas": action.replicas}}
                await _unless_gone(self._client.merge(action.kind, action.key, patch))
            case Mark():
                annotations = {DELETION_COST: FIRST_TO_GO}
                patch = {"metadata": {"uid": action.uid, "annotations": annotations}}
                await _unless_gone(self._client.merge(action.kind, action.key, patch))
            case Delete():
                await _unless_gone(self._client.delete(action.kind, action.key, uid=action.uid))

    async def _create(self, action: Create) -> None:
        """Create; an object that is there already is ours when its owner is, else it is a conflict of names."""
        try:
            await self._client.create(action.kind, action.key, dict(action.manifest))
        except AlreadyExists as error:
            try:
                existing = await self._client.get(action.kind, action.key)
            except NotFound:
                raise Conflict(error.code, error.reason, "deleted meanwhile") from None
            wished = {owner["uid"] for owner in action.manifest["metadata"]["ownerReferences"]}
            owners = {owner.get("uid") for owner in existing["metadata"].get("ownerReferences") or ()}
            if not wished & owners:
                raise

    def _back_off(self, action: Action, failure: Failure | None) -> None:
        name, before = _name(action), self._backoffs.get(_name(action))
        delay = min(2 * before.delay_seconds, LAST_BACKOFF_SECONDS) if before else FIRST_BACKOFF_SECONDS
        known = before.failure if before else None
        if failure is None:
            failure = known  # no answer does not solve what the last answer said
        elif known is not None:
            failure = Failure(failure.reason, failure.message, known.since_seconds)
        self._backoffs[name] = _Backoff(failure, delay, self._clock() + delay)
        self._owners[name] = action.deployment
        self._failed()


async def _unless_gone(write: Awaitable[object]) -> None:
    """Whoever shrinks or deletes an object wants less of it: that it is gone is fine."""
    with suppress(NotFound):
        await write


def _name(action: Action) -> tuple[str, Key]:
    return (action.kind.plural, action.key)


def _failure(action: Action, error: ApiError, now_seconds: float) -> Failure:
    if isinstance(error, AlreadyExists):
        message = (
            f"{action.kind.kind} {action.key} exists and is not ours; it is left alone. Delete or rename it, or rename the "
            "deployment"
        )
        return Failure(Reason.NAME_CONFLICT, message, now_seconds)
    return Failure(Reason.WRITE_FAILED, f"{action.kind.kind} {action.key}: {error.message}", now_seconds)

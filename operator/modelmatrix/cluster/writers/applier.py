"""The only writer of workloads: executes actions, at most one at a time for an object, and pauses after refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable
from functools import partial

from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import AlreadyExists, ApiError, Conflict, InternalServerError, TransientError
from modelmatrix.cluster.writers.action_executor import ActionExecutor, write_key
from modelmatrix.cluster.writers.backoff import Backoff
from modelmatrix.cluster.writers.inflight import InFlight, Name
from modelmatrix.planning.actions.action import Action
from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_REFUSED_SECONDS = 300.0
LONGEST_UNANSWERED_SECONDS = 30.0  # what passes by itself has passed soon, and nobody wants to wait for us then
CACHE_LAG_SECONDS = 5.0  # longer than a watch event ever takes; a write that is repeated after it does no harm
TOLD_FROM_TIMES = 3  # what happens so often in a row does not pass by itself

NOT_OURS = " exists and is not ours; it is left alone. Delete or rename it, or rename the deployment"


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
        self._sender = ActionExecutor(client)
        self._failed = failed
        self._wall_clock = wall_clock
        self._done = Backoff(clock, CACHE_LAG_SECONDS)
        self._refused = Backoff(clock, FIRST_BACKOFF_SECONDS)
        self._failures: dict[Name, tuple[NamespacedName, WriteFailure]] = {}

    @property
    def failures(self) -> dict[NamespacedName, WriteFailure]:
        """What is wrong with each deployment's writes, if anything is."""
        return dict(self._failures.values())

    def submit(self, actions: Iterable[Action]) -> None:
        """Start the actions that are due; those of objects that are being written wait for the next plan.

        ``actions`` is everything that the plan wants: what failed and is not among them does not matter any more.
        """
        wanted = {write_key(action): action for action in actions}
        self._forget(but=wanted)
        for name, action in wanted.items():
            if name not in self.in_flight and self._refused.is_due(name, action) and self._done.is_due(name, action):
                self.in_flight.start(name, partial(self._execute, action))

    @property
    def next_due(self) -> float | None:
        """When the first refused action may be tried again, on ``clock``; ``None`` when there is none.

        One that is being tried wakes the loop by itself when it fails.
        """
        return min((self._refused.until(name) for name in self._refused.names() if name not in self.in_flight), default=None)

    async def _execute(self, action: Action) -> None:
        name = write_key(action)
        times = self._done.times(name, action)
        try:
            undone = await self._sender.send(action, again=times > 0)
        except (ApiError, TransientError) as error:
            self._refuse(action, error)
            return
        self._refused.end(name)
        self._done.start(name, action)
        if undone and times + 1 >= TOLD_FROM_TIMES:
            self._tell(action, Reason.WRITE_FAILED, f": somebody or a policy changes {undone} back each time it is written")
        else:
            self._failures.pop(name, None)

    def _refuse(self, action: Action, error: ApiError | TransientError) -> None:
        """Pause. What may pass by itself is told when it has not passed; no answer does not solve what the last one said."""
        name, passes = write_key(action), isinstance(error, (TransientError, Conflict))
        self._done.end(name)
        self._refused.start(name, action, most_seconds=LONGEST_UNANSWERED_SECONDS if passes else LONGEST_REFUSED_SECONDS)
        if isinstance(error, AlreadyExists):
            self._tell(action, Reason.NAME_CONFLICT, NOT_OURS)
        elif not passes or (isinstance(error, InternalServerError) and self._refused.times(name, action) >= TOLD_FROM_TIMES):
            self._tell(action, Reason.WRITE_FAILED, f": {error}")
        else:
            _log.info("%s %s: %s", type(action).__name__, action.key, error)
        self._failed()

    def _tell(self, action: Action, reason: Reason, words: str) -> None:
        name = write_key(action)
        _, known = self._failures.get(name, (None, None))
        since = known.since_seconds if known else self._wall_clock()
        message = f"{action.kind.kind} {action.key}{words}"
        self._failures[name] = (action.deployment, WriteFailure(reason, message, since))
        _log.warning("%s %s", type(action).__name__, message)

    def _forget(self, *, but: Container[Name]) -> None:
        """Forget failures of what is not wanted any more; what is undone again and again is wanted now and then."""
        self._done.forget_old()
        gone = [name for name in {*self._refused.names(), *self._failures} if name not in but and name not in self.in_flight]
        for name in gone:
            self._refused.end(name)
            if name not in self._done:
                self._failures.pop(name, None)

"""The applier: the only writer of workloads and Services.

Every plan submits all of its actions; the applier starts those that are due and does not wait for them.

1. At most one write per object is in flight. An action for an object with a write in flight waits for the next plan.
2. After a success the same action is not due for 5 s, which is longer than a watch event takes to reach the informer. If a
   later plan still contains it, something reverts the write: the pause doubles each time, and from the third repetition on
   the drifted field is reported as ``WriteFailed``.
3. After a failure the same action is not due for 1 s, doubling to 30 s for failures that may pass by themselves and to
   300 s for rejections. Another action for the same object is due at once.
4. Rejections and name conflicts are reported immediately, internal server errors (webhooks) from the third attempt on, and
   other transient errors not at all: the last report stays until a write succeeds or the plan no longer needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable
from functools import partial

from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import AlreadyExists, ApiError, Conflict, InternalServerError, TransientError
from modelmatrix.cluster.writers.action_executor import ActionExecutor, write_key
from modelmatrix.cluster.writers.backoff import Backoff
from modelmatrix.cluster.writers.inflight import InFlight, WriteKey
from modelmatrix.planning.actions.action import Action
from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

INITIAL_BACKOFF_SECONDS = 1.0
MAX_REJECTED_SECONDS = 300.0
MAX_TRANSIENT_SECONDS = 30.0  # transient errors end soon, and recovery must not wait for this backoff
CACHE_LAG_SECONDS = 5.0  # longer than a watch event takes; repeating a write after it is harmless
REPORT_AFTER_ATTEMPTS = 3  # a failure that repeats this often is not transient

NAME_CONFLICT_MESSAGE = (
    " exists and is not managed by this operator; it is left unchanged. Delete or rename it, or rename the deployment"
)


class Applier:
    """Executes actions in the background, and holds the failures that status must report.

    ``clock`` is monotonic, in seconds; ``wall_clock`` is in seconds since the epoch. ``on_failure`` is called after every
    failed write: a failure changes no object, so no watch event would trigger the next plan.
    """

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self.in_flight = InFlight()
        self._executor = ActionExecutor(client)
        self._on_failure = on_failure
        self._wall_clock = wall_clock
        self._applied = Backoff(clock, CACHE_LAG_SECONDS)
        self._failing = Backoff(clock, INITIAL_BACKOFF_SECONDS)
        self._failures: dict[WriteKey, tuple[NamespacedName, WriteFailure]] = {}

    @property
    def failures(self) -> dict[NamespacedName, WriteFailure]:
        """The failure to report by deployment; deployments without one are absent."""
        return dict(self._failures.values())

    def submit(self, actions: Iterable[Action]) -> None:
        """Start the actions that are due. Actions for objects with a write in flight wait for the next plan.

        ``actions`` must be all actions of the plan: failures of actions that are not among them are forgotten.
        """
        desired = {write_key(action): action for action in actions}
        self._forget_obsolete(current=desired)
        for name, action in desired.items():
            if name not in self.in_flight and self._failing.is_due(name, action) and self._applied.is_due(name, action):
                self.in_flight.start(name, partial(self._execute, action))

    @property
    def next_due(self) -> float | None:
        """When the first failed action is due again, in seconds of ``clock``; ``None`` without one.

        An action in flight does not count: if it fails it calls ``on_failure``.
        """
        return min((self._failing.until(name) for name in self._failing if name not in self.in_flight), default=None)

    async def _execute(self, action: Action) -> None:
        name = write_key(action)
        attempts = self._applied.attempts(name, action)
        try:
            drifted_field = await self._executor.execute(action, repeated=attempts > 0)
        except (ApiError, TransientError) as error:
            self._handle_failure(action, error)
            return
        self._failing.reset(name)
        self._applied.start(name, action)
        if drifted_field and attempts + 1 >= REPORT_AFTER_ATTEMPTS:
            detail = f": a user or a policy reverts {drifted_field} after each write"
            self._report(action, Reason.WRITE_FAILED, detail)
        else:
            self._failures.pop(name, None)

    def _handle_failure(self, action: Action, error: ApiError | TransientError) -> None:
        """Start the backoff, and report. A transient error leaves an earlier report in place: it does not resolve it."""
        name, transient = write_key(action), isinstance(error, (TransientError, Conflict))
        self._applied.reset(name)
        self._failing.start(name, action, max_seconds=MAX_TRANSIENT_SECONDS if transient else MAX_REJECTED_SECONDS)
        if isinstance(error, AlreadyExists):
            self._report(action, Reason.NAME_CONFLICT, NAME_CONFLICT_MESSAGE)
        elif not transient or (
            isinstance(error, InternalServerError) and self._failing.attempts(name, action) >= REPORT_AFTER_ATTEMPTS
        ):
            self._report(action, Reason.WRITE_FAILED, f": {error}")
        else:
            _log.info("%s %s: %s", type(action).__name__, action.key, error, extra=_log_fields(action))
        self._on_failure()

    def _report(self, action: Action, reason: Reason, detail: str) -> None:
        name = write_key(action)
        _, known = self._failures.get(name, (None, None))
        since = known.since_seconds if known else self._wall_clock()
        message = f"{action.kind.kind} {action.key}{detail}"
        self._failures[name] = (action.deployment, WriteFailure(reason, message, since))
        _log.warning("%s %s", type(action).__name__, message, extra={**_log_fields(action), "reason": str(reason)})

    def _forget_obsolete(self, *, current: Container[WriteKey]) -> None:
        """Forget failures of actions that are not in the current plan.

        The failure of an action with an applied entry stays: a reverted write is in some plans and not in others.
        """
        self._applied.prune()
        gone = [name for name in {*self._failing, *self._failures} if name not in current and name not in self.in_flight]
        for name in gone:
            self._failing.reset(name)
            if name not in self._applied:
                self._failures.pop(name, None)


def _log_fields(action: Action) -> dict[str, str]:
    return {"deployment": str(action.deployment), "kind": action.kind.kind, "object": str(action.key)}

"""One simulated engine: starts on its pod, serves, and shows its metrics. Independent of the API server and other engines."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from engines.arguments import bucket_bounds, split_arguments, value_of
from engines.metrics.dialect import dialect_of
from engines.metrics.metrics_page import Identity, Page
from engines.schedule import FaultEntry, MetricsFault, ReadinessFault
from modelmatrix.simulation.engine.replica import Replica

if TYPE_CHECKING:
    from engines.cluster.pods import PodView
    from engines.profiles import EngineProfile
    from modelmatrix.simulation.engine.request import Completed

NO_FAULT = FaultEntry(pod="no/fault")


class Engine:
    """The engine of a leader pod. ``replica`` is None until it has started."""

    __slots__ = ("_alpha_factor", "_limits", "_page", "_profile", "_starts_at", "fault", "is_routed", "replica", "view")

    def __init__(self, view: PodView, profile: EngineProfile, *, created_unix_seconds: float) -> None:
        """An engine that has not started.

        Raises:
            ValueError: its command line sets invalid histogram buckets.
        """
        dialect = dialect_of(view.engine)
        words = split_arguments(view.arguments)
        self.view = view
        self.fault = NO_FAULT
        self.replica: Replica | None = None
        self.is_routed = False
        self._limits = replace(
            profile.limits,
            # The token budget of a step must include one token of each running request.
            max_num_batched_tokens=max(profile.limits.max_num_batched_tokens, profile.limits.max_num_seqs),
        )
        self._profile = profile
        self._alpha_factor = 1.0
        self._starts_at: float | None = None
        self._page = Page(
            dialect,
            Identity(
                served_name=value_of(words, dialect.served_name_flag) or view.deployment,
                kv_tokens=profile.limits.kv_tokens,
                created_unix_seconds=created_unix_seconds,
                bounds=bucket_bounds(dialect, words),
            ),
        )

    @property
    def should_be_ready(self) -> bool:
        """Whether its readiness probe would succeed."""
        return self.replica is not None and self.fault.readiness is None

    @property
    def takes_requests(self) -> bool:
        """Whether a Service would send requests to it."""
        return self.replica is not None and self.view.is_ready and not self.view.is_terminating

    def tick(self, now: float, *, is_complete: bool) -> None:
        """Continue the start-up; ``is_complete`` means that all pods of the replica run."""
        if self.replica is not None:
            self._throttle()
            return
        if not is_complete:
            self._starts_at = None
            return
        if self._starts_at is None:
            # A pod that is already Ready was started by an earlier process of this kind.
            seconds = 0.0 if self.view.is_ready else self._profile.start.sample(Random(self.view.uid))  # noqa: S311 - no secret
            self._starts_at = now + seconds
        if now >= self._starts_at and self.fault.readiness is not ReadinessFault.NEVER:
            self.replica = Replica(self._profile.timing, self._limits, start_seconds=now, buckets=self._page.buckets)
            self._throttle()

    def advance(self, now: float) -> list[Completed]:
        """Serve until now; returns the finished requests. Does nothing if no request can have finished by then."""
        if self.replica is None or self.replica.earliest_completion_seconds > now:
            return []
        return self.replica.advance(now)

    def render(self) -> bytes | None:
        """The metrics page as of the replica's last ``advance``; None before the start."""
        if self.replica is None:
            return None
        return self._page.render(self.replica, is_broken=self.fault.metrics is MetricsFault.NAN)

    def _throttle(self) -> None:
        if self.replica is not None and self.fault.alpha_factor != self._alpha_factor:
            self.replica.slow_down(self.fault.alpha_factor / self._alpha_factor)
            self._alpha_factor = self.fault.alpha_factor

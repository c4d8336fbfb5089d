"""The control loop: wait for a change, plan on a snapshot, carry out. One cycle at a time, and only as the leader."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from modelmatrix.api import names
from modelmatrix.cluster.writers.applier import Applier
from modelmatrix.cluster.writers.status_writer import DEPLOYMENT_DELAYS, POOL_DELAYS, StatusUpdate, StatusWriter
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoll, MetricsPoller
from modelmatrix.control.debouncer import COALESCE_SECONDS, Debouncer
from modelmatrix.control.informers import Informers
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.telemetry.model_clock import ModelClock

_log = logging.getLogger(__name__)

# A long plan must not take all of the time: between two of them passes five times as long as one takes.
PAUSE_PER_PLAN = 5.0


@dataclass(slots=True)
class ControlLoop:
    """Everything that a cycle needs. ``observe`` is told of every plan and how long it took."""

    state: Informers
    applier: Applier
    writer: StatusWriter
    wakeup: Debouncer
    scaler: Autoscaler
    measurer: MetricsPoller
    clock: ModelClock
    interval_seconds: float
    settings: PlanSettings
    observe: Callable[[Snapshot, Plan, float], None]
    last: Plan | None = None
    _seen: MetricsPoll | None = None
    _plan_seconds: float = 0.0
    _alive_at: float = field(default_factory=time.monotonic)

    @property
    def deployments(self) -> dict[NamespacedName, DeploymentPlan]:
        """Deployments of the last plan."""
        return dict(self.last.deployments) if self.last else {}

    @property
    def silent_seconds(self) -> float:
        """Time since the loop was last alive."""
        return time.monotonic() - self._alive_at

    async def run(self) -> None:
        """Cycle until cancelled. The caller has made sure that all caches are synced and that we lead."""
        while True:
            self._cycle()
            pause = max(COALESCE_SECONDS, PAUSE_PER_PLAN * self._plan_seconds)
            await self.wakeup.wait(until=self._next_look(), coalesce_seconds=pause)

    def _cycle(self) -> None:
        self._alive_at = time.monotonic()
        self._take_signals()
        snapshot = self.snapshot()
        started = time.perf_counter()
        made = plan(snapshot)
        self._plan_seconds = time.perf_counter() - started
        self.last = made
        self.writer.submit(_wishes(snapshot, made))
        self.applier.submit(made.actions)
        self.observe(snapshot, made, self._plan_seconds)

    def snapshot(self) -> Snapshot:
        """The state of this moment."""
        state = self.state
        return Snapshot(
            now_seconds=self.clock.now(),
            catalogue=state.catalogue(),
            deployments=state.deployments.views,
            pools=state.pools.views,
            nodes=state.nodes.views,
            pods=state.pods.views,
            workloads=(*state.workloads.views, *state.groups.views),
            services=state.services.views,
            runtime_classes=frozenset(state.runtime_classes.views),
            leader_worker_sets=state.groups.present,
            failures=self.applier.failures,
            measured=self.scaler.measured,
            decisions=self.scaler.decisions,
            settings=self.settings,
            real_seconds=time.time(),
            time_scale=self.clock.scale,
        )

    def _take_signals(self) -> None:
        look = self.measurer.look
        if look is None or look is self._seen or self.last is None:
            return
        self._seen = look
        self.scaler.catalogue = self.state.catalogue()
        self.scaler.update(look, self.last.deployments, now_seconds=self.clock.now())

    def _next_look(self) -> float:
        """When something is due even if nothing changes: a retry, or the next look at clocks."""
        look = time.monotonic() + self.clock.real_seconds(self.interval_seconds)
        due = self.applier.next_due
        return look if due is None else min(look, due)


def _wishes(snapshot: Snapshot, made: Plan) -> Iterator[StatusUpdate]:
    notes: defaultdict[str, list[EventRecord]] = defaultdict(list)
    for note in made.events:
        notes[note.uid].append(note)
    for view in snapshot.deployments:
        wished = made.statuses.get(view.key)
        if wished is not None:
            told = tuple(notes.get(view.uid, ()))
            yield StatusUpdate(names.MODEL_DEPLOYMENTS, view.key, view.status, wished, told, delays=DEPLOYMENT_DELAYS)
    for pool in snapshot.pools:
        key, wished = NamespacedName("", pool.name), made.pool_statuses[pool.name]
        told = tuple(notes.get(pool.uid, ()))
        yield StatusUpdate(names.ACCELERATOR_POOLS, key, pool.status, wished, told, delays=POOL_DELAYS)

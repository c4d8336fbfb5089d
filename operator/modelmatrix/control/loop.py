"""The control loop: one plan of the whole fleet per cycle, one cycle at a time, and only as the leader.

1. Take a new poll of the signals into account, if there is one.
2. Take a snapshot: the views of all caches, the autoscaler's decisions, the writes that were refused.
3. ``plan()`` the whole fleet. It is level-triggered: what led to the cycle does not matter, only the snapshot does.
4. Hand statuses and actions over. The writers compare them with what is stored, send the difference beside the loop, and
   retry with backoff; a later cycle replaces what is not sent yet.
5. Wait for the debouncer, until a retry or the next look at schedules is due. A fleet that takes long to plan is planned
   less often, so that planning never takes more than a sixth of the time.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from modelmatrix.api import names
from modelmatrix.cluster.writers.applier import Applier
from modelmatrix.cluster.writers.status_writer import DEPLOYMENT_DELAYS, POOL_DELAYS, StatusUpdate, StatusWriter
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.debouncer import COALESCE_SECONDS, Debouncer
from modelmatrix.control.informers import Informers
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.telemetry.model_clock import ModelClock

# Between two plans passes five times as long as one takes.
PAUSE_PER_PLAN = 5.0


@dataclass(slots=True)
class ControlLoop:
    """Everything that a cycle needs. ``observe`` gets every plan with its snapshot, and the seconds that it took."""

    informers: Informers
    applier: Applier
    writer: StatusWriter
    wakeup: Debouncer
    autoscaler: Autoscaler
    clock: ModelClock
    interval_seconds: float
    settings: PlanSettings
    observe: Callable[[Snapshot, Plan, float], None]
    cache: PlanCache = field(default_factory=PlanCache)
    _plan_seconds: float = 0.0
    _plan_due_at: float | None = None
    _alive_at: float | None = None

    @property
    def silent_seconds(self) -> float:
        """Time since the last cycle began; 0 before the first."""
        return 0.0 if self._alive_at is None else time.monotonic() - self._alive_at

    async def run(self) -> None:
        """Cycle until cancelled. The caller has made sure that all caches are synced and that this process leads."""
        while True:
            self._cycle()
            pause = max(COALESCE_SECONDS, PAUSE_PER_PLAN * self._plan_seconds)
            await self.wakeup.wait(until=self._next_cycle(), coalesce_seconds=pause)

    def _cycle(self) -> None:
        self._alive_at = time.monotonic()
        self.autoscaler.take_poll(self.clock.now())
        snapshot = self.snapshot()
        started = time.perf_counter()
        planned = plan(snapshot, self.cache)
        self._plan_seconds = time.perf_counter() - started
        self._plan_due_at = planned.due_seconds
        self.autoscaler.follow(planned.deployments, snapshot.catalogue)
        self.writer.submit(_status_updates(snapshot, planned))
        self.applier.submit(planned.actions)
        self.observe(snapshot, planned, self._plan_seconds)

    def snapshot(self) -> Snapshot:
        """The state of this moment."""
        return Snapshot(
            now_seconds=self.clock.now(),
            catalogue=self.informers.catalogue(),
            deployments=self.informers.deployments.views,
            pools=self.informers.pools.views,
            tenant_policies=self.informers.tenant_policies.views,
            namespaces=self.informers.namespaces.views,
            nodes=self.informers.nodes.views,
            pods=self.informers.owned_pods(),
            background=self.informers.pods.background,
            workloads=(*self.informers.workloads.views, *self.informers.groups.views),
            services=self.informers.services.views,
            network_policies=self.informers.network_policies.views,
            runtime_classes=frozenset(self.informers.runtime_classes.views),
            leader_worker_sets=self.informers.groups.present,
            failures=self.applier.failures,
            measured=self.autoscaler.measured,
            decisions=self.autoscaler.decisions,
            settings=self.settings,
            real_seconds=time.time(),
            time_scale=self.clock.scale,
        )

    def _next_cycle(self) -> float:
        """When a cycle is due even if nothing changes: for a retry, or because schedules follow the clock."""
        latest = time.monotonic() + min(self.clock.real_seconds(self.interval_seconds), self._plan_due_seconds())
        due = self.applier.next_due
        return latest if due is None else min(latest, due)

    def _plan_due_seconds(self) -> float:
        """Time until the last plan is no longer that of the same objects."""
        return math.inf if self._plan_due_at is None else max(0.0, self._plan_due_at - time.time())


def _status_updates(snapshot: Snapshot, planned: Plan) -> Iterator[StatusUpdate]:
    events: defaultdict[str, list[EventRecord]] = defaultdict(list)
    for event in planned.events:
        events[event.uid].append(event)
    for view in snapshot.deployments:
        status = planned.statuses.get(view.key)
        if status is not None:
            own = tuple(events.get(view.uid, ()))
            yield StatusUpdate(names.MODEL_DEPLOYMENTS, view.key, view.uid, view.status, status, own, DEPLOYMENT_DELAYS)
    for pool in snapshot.pools:
        key, status = NamespacedName("", pool.name), planned.pool_statuses[pool.name]
        own = tuple(events.get(pool.uid, ()))
        yield StatusUpdate(names.ACCELERATOR_POOLS, key, pool.uid, pool.status, status, own, POOL_DELAYS)
    for policy in snapshot.tenant_policies:
        key, status = NamespacedName("", policy.name), planned.policy_statuses[policy.name]
        own = tuple(events.get(policy.uid, ()))
        yield StatusUpdate(names.TENANT_POLICIES, key, policy.uid, policy.status, status, own, POOL_DELAYS)

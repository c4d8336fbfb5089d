"""All engines and all traffic of a cluster in one model time. Input: pods as views. Output: readiness changes as data.

All time passes in ``tick``, so that no request can arrive in an engine's past. The only I/O are the traces of the schedule.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.engine import NO_FAULT, Engine
from engines.gateway import Gateway
from engines.schedule import Schedule
from engines.traffic import arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engines.cluster.pods import PodKey, PodView
    from engines.profiles import ProfileOf

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """The desired readiness of a pod that has another one in the API server."""

    view: PodView
    is_ready: bool


class EngineFleet:
    """Engines by pod, gateways by deployment (``namespace/deployment``)."""

    def __init__(self, profile_of: ProfileOf, *, folder: Path, unix_seconds: Callable[[], float]) -> None:
        """A fleet without pods.

        Args:
            profile_of: the timing, limits and start-up time of a pod's engine.
            folder: the folder that trace paths are relative to.
            unix_seconds: real time, for the creation times on metrics pages.
        """
        self.now = 0.0
        self.engines: dict[PodKey, Engine] = {}
        self.gateways: dict[str, Gateway] = {}
        self._pods: dict[PodKey, PodView] = {}
        self._profile_of = profile_of
        self._folder = folder
        self._unix_seconds = unix_seconds
        self._schedule = Schedule()

    def set_schedule(self, schedule: Schedule) -> None:
        """Change traffic and faults. Traffic with an unchanged entry continues."""
        self._schedule = schedule
        for owner in self.gateways.keys() | schedule.deployments.keys():
            gateway, entry = self._gateway(owner), schedule.deployments.get(owner)
            if gateway.entry != entry:
                stream = arrivals(entry, self._folder, seed=owner, start_second=self.now) if entry else iter(())
                gateway.set_traffic(entry, stream)
        for engine in self.engines.values():
            engine.fault = schedule.fault_of(engine.view)

    def replace_pods(self, views: Iterable[PodView]) -> None:
        """Set all pods that exist; pods that are not among them are removed."""
        present = {view.key: view for view in views}
        for key in list(self._pods):
            if key not in present:
                self.remove_pod(key)
        for view in present.values():
            self.put_pod(view)

    def put_pod(self, view: PodView) -> None:
        """Add or update a pod; another UID under the same name is a new pod."""
        previous = self._pods.get(view.key)
        if previous is not None and previous.uid != view.uid:
            self.remove_pod(view.key)
        self._pods[view.key] = view
        engine = self.engines.get(view.key)
        if engine is not None:
            engine.view = view
        elif view.is_leader:
            self._add_engine(view)

    def remove_pod(self, key: PodKey) -> None:
        """Remove a pod; the requests in its engine are lost."""
        self._pods.pop(key, None)
        engine = self.engines.pop(key, None)
        if engine is not None and engine.replica is not None:
            self._gateway(engine.view.owner).fail(engine.replica, self.now)

    def tick(self, now: float) -> None:
        """Advance to a time: first requests arrive, then engines serve, start and stop."""
        self.now = now
        for gateway in self.gateways.values():
            gateway.tick(now)
        for engine in self.engines.values():
            completed = engine.advance(now)
            if completed:
                self._gateway(engine.view.owner).collect(completed)
            engine.tick(now, is_complete=engine.replica is not None or self._is_complete(engine.view))
            self._route(engine)

    def readiness_changes(self) -> list[Readiness]:
        """The running pods whose readiness differs from the desired one."""
        changes = []
        for view in self._pods.values():
            if not view.is_running or view.is_terminating:
                continue
            engine = self.engines.get(view.key)
            is_ready = engine.should_be_ready if engine else not view.is_leader
            if is_ready != view.is_ready:
                changes.append(Readiness(view, is_ready))
        return changes

    def render(self, key: PodKey) -> bytes | None:
        """The metrics page of a pod's engine; None before its start and for pods without an engine."""
        engine = self.engines.get(key)
        if engine is None or engine.replica is None:
            return None
        self._catch_up(engine)
        return engine.render()

    def document(self) -> dict[str, Any]:
        """The state of all deployments, for ``/state``."""
        owners = sorted(self.gateways.keys() | {engine.view.owner for engine in self.engines.values()})
        return {owner: self._deployment(owner) for owner in owners}

    def _catch_up(self, engine: Engine) -> None:
        """Run all steps until now; a tick runs those of an engine only when a request can have finished."""
        if engine.replica is not None:
            self._gateway(engine.view.owner).collect(engine.replica.advance(self.now))

    def _deployment(self, owner: str) -> dict[str, Any]:
        engines = [engine for engine in self.engines.values() if engine.view.owner == owner]
        for engine in engines:
            self._catch_up(engine)
        replicas = [engine.replica for engine in engines if engine.replica is not None]
        return {
            "engines": len(engines),
            "ready": sum(engine.takes_requests for engine in engines),
            "running": sum(replica.running for replica in replicas),
            "waiting": sum(replica.waiting for replica in replicas),
            **self._gateway(owner).document(self.now),
        }

    def _gateway(self, owner: str) -> Gateway:
        return self.gateways.setdefault(owner, Gateway())

    def _add_engine(self, view: PodView) -> None:
        try:
            engine = Engine(view, self._profile_of(view), created_unix_seconds=self._unix_seconds())
        except ValueError as error:
            # As a real engine with an invalid command line: the pod runs and never becomes ready.
            _log.warning("%s does not start: %s", view.key, error)
            return
        engine.fault = self._schedule.fault_of(view) if self._schedule.faults else NO_FAULT
        self.engines[view.key] = engine
        self._gateway(view.owner)

    def _is_complete(self, view: PodView) -> bool:
        """Whether all pods of the leader's replica run."""
        if not view.group or view.group_size <= 1:
            return view.is_running
        group = [pod for pod in self._pods.values() if pod.group == view.group and pod.owner == view.owner]
        return sum(pod.is_running and not pod.is_terminating for pod in group) >= view.group_size

    def _route(self, engine: Engine) -> None:
        is_routed = engine.takes_requests and engine.fault.readiness is None
        if is_routed == engine.is_routed or engine.replica is None:
            return
        router = self._gateway(engine.view.owner).router
        if is_routed:
            router.add(engine.replica, self.now)
        else:
            router.remove(engine.replica)
        engine.is_routed = is_routed

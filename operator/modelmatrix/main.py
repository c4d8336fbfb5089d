"""Composition root of the operator: makes the parts, ties them together, and ends when one of them ends. No logic."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from contextlib import AsyncExitStack

import kopf

from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.leader_election import LeaderElector, LeadershipLost
from modelmatrix.cluster.operator_login import operator_credentials
from modelmatrix.cluster.writers.applier import Applier
from modelmatrix.cluster.writers.event_recorder import EventRecorder
from modelmatrix.cluster.writers.inflight import InFlight
from modelmatrix.cluster.writers.status_writer import StatusWriter
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoller
from modelmatrix.control.debouncer import Debouncer
from modelmatrix.control.informers import Informers
from modelmatrix.control.loop import ControlLoop
from modelmatrix.kopf_handlers import make_registry, make_settings
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.settings import Settings, split_address
from modelmatrix.telemetry.exporter import Exporter
from modelmatrix.telemetry.http_server import serve
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus, PrometheusAuth

_log = logging.getLogger(__name__)

SILENCE_SECONDS = 120.0  # a loop that has not moved for so long hangs: the kubelet should restart us
LOCKED_OUT_SECONDS = 600.0  # certificates and tokens that were replaced are read anew by then, or only by a new process
LAST_WRITES_SECONDS = 3.0  # what we have begun ends before another leads, and the Lease lasts longer than that
STALE_SECONDS = 300.0  # what we know of the cluster is old then: several bookmarks and a new connection have failed


class Operator:
    """All parts of one operator process."""

    def __init__(self, settings: Settings) -> None:
        credentials = operator_credentials()
        self.settings = settings
        self.stop = asyncio.Event()
        self.exporter = Exporter()
        self.clock = ModelClock(settings.time_scale, settings.time_origin, settings.time_start)
        self.reader = ApiClient(credentials, self._count)
        self.elections = ApiClient(credentials)
        self.elector = LeaderElector(self.elections, settings.namespace, settings.identity, time.monotonic)
        self.writer = ApiClient(credentials, self._count, may_write=lambda: self.elector.is_leader)
        self.wakeup = Debouncer(time.monotonic)
        self.state = Informers(self.reader, builtin(), self.wakeup.trigger)
        access = PrometheusAuth(settings.prometheus_ca_file, settings.prometheus_token_file)
        url, seconds = settings.prometheus_url, settings.prometheus_timeout
        self.prometheus = Prometheus(url, seconds, access=access) if url else None
        self.loop = self._make_loop()

    def _make_loop(self) -> ControlLoop:
        recorder = EventRecorder(self.writer, self.settings.identity, time.time)
        return ControlLoop(
            state=self.state,
            applier=Applier(self.writer, time.monotonic, time.time, self.wakeup.trigger),
            writer=StatusWriter(self.writer, recorder, time.monotonic),
            wakeup=self.wakeup,
            scaler=self._make_scaler(),
            measurer=self._make_measurer(),
            clock=self.clock,
            interval_seconds=self.settings.interval,
            settings=PlanSettings(
                self.settings.cluster_domain,
                self.settings.weights_image,
                gateway_metric=bool(self.settings.gateway_query),
            ),
            observe=self._observe,
        )

    def _make_measurer(self) -> MetricsPoller:
        return MetricsPoller(
            self.prometheus,
            self.clock,
            self.settings.interval,
            queries=lambda: self.loop.scaler.queries(self.loop.deployments),
            past=lambda: self.loop.scaler.history_query(self.loop.deployments),
            done=self.wakeup.trigger,
        )

    def _make_scaler(self) -> Autoscaler:
        settings = self.settings
        return Autoscaler(
            builtin(),
            SloPolicy(),
            settings.time_scale,
            settings.gateway_query,
            decided=self.exporter.count_decision,
        )

    async def run(self) -> None:
        """Run until a signal, or until leadership is lost.

        Raises:
            ExceptionGroup: a part has failed; holds ``LeadershipLost`` when that was why.
        """
        async with AsyncExitStack() as stack:
            for client in (self.reader, self.writer, self.elections):
                await stack.enter_async_context(client)
            if self.prometheus is not None:
                await stack.enter_async_context(self.prometheus)
            address = split_address(self.settings.metrics_address)
            await stack.enter_async_context(
                serve(address, self.exporter.registry, healthy=self._unhealthy, ready=self._unready)
            )
            kopf_task = asyncio.create_task(self._run_kopf(), name="kopf")
            try:
                await self._run_parts(kopf_task)
            finally:
                await asyncio.gather(*(writes.shutdown(LAST_WRITES_SECONDS) for writes in self._writes))
                await self.elector.release()  # before kopf, which takes seconds to end
                kopf_task.cancel()

    @property
    def _writes(self) -> tuple[InFlight, ...]:
        return (self.loop.applier.in_flight, self.loop.writer.in_flight)

    async def _run_parts(self, kopf_task: asyncio.Task[None]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.state.run(), name="caches"),
                group.create_task(self.elector.run(), name="election"),
                group.create_task(self._lead(), name="control loop"),
            ]
            stopping = asyncio.create_task(self.stop.wait(), name="signals")
            await asyncio.wait((stopping, kopf_task), return_when=asyncio.FIRST_COMPLETED)
            _log.info("stopping")
            for task in (*tasks, stopping):
                task.cancel()
        if kopf_task.done():
            await kopf_task  # it ended by itself: with its reason

    async def _lead(self) -> None:
        await self.state.synced()
        _log.info("all caches are synced")
        gc.freeze()  # the catalogue and what was read first live as long as the process: no collection need look at them
        await self.elector.leading.wait()
        self.exporter.leader.set(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(), name="cycles")
            group.create_task(self.loop.writer.run(), name="statuses")
            group.create_task(self.loop.measurer.run(), name="signals")

    async def _run_kopf(self) -> None:
        registry = make_registry(self.wakeup.trigger, started=self._listen)
        await kopf.operator(registry=registry, settings=make_settings(), standalone=True, clusterwide=True)

    def _listen(self) -> None:
        """Take the signals over from kopf, which would finish its own work first and ours never."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)

    def _count(self, verb: str, code: str) -> None:
        self.exporter.requests.labels(verb, code).inc()

    def _observe(self, snapshot: Snapshot, plan: Plan, seconds: float) -> None:
        self.exporter.record_plan(snapshot, plan, seconds)
        self.exporter.readings = dict(self.loop.scaler.readings)

    def _unhealthy(self) -> str:
        """What is wrong with the process itself; an API server that is away is not our illness."""
        if self.elector.is_leader and self.loop.last is not None and self.loop.silent_seconds > SILENCE_SECONDS:
            return f"the control loop has not moved for {self.loop.silent_seconds:.0f} s"
        if self.elector.locked_out_seconds > LOCKED_OUT_SECONDS:
            return f"no trust between the API server and us for {self.elector.locked_out_seconds:.0f} s"
        return ""

    def _unready(self) -> str:
        """What keeps us from leading well, now or as soon as we are asked to."""
        unsynced, silent = self.state.unsynced(), self.state.stale_kinds(STALE_SECONDS)
        if unsynced:
            return f"not read yet: {', '.join(unsynced)}"
        return f"nothing heard for {STALE_SECONDS:.0f} s of: {', '.join(silent)}" if silent else ""


def run(settings: Settings) -> int:
    """Run the operator; the exit code."""
    code = 0
    try:
        asyncio.run(Operator(settings).run())
    except* LeadershipLost as lost:
        _log.error("leadership lost: %s; ending so that another can lead", lost.exceptions[0])
        code = 1
    return code

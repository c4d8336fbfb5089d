"""Composition root of the operator process: makes the parts, ties them together, and ends them in order.

All parts run in one event loop: informers, the election, the control loop with the autoscaler once this process leads, and
kopf for admission. Informers, election and loop are vital: when one fails, the process ends. Admission is not: kopf is
started again whenever it ends (see ``kopf_handlers``).

The end has an order. The parts stop first; then what is being written is finished, then the Lease is released so that
another process can lead at once, and kopf, which takes seconds to end, comes last. When a write does not finish, the Lease is
left to expire.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from contextlib import AsyncExitStack

from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.access_review import Access, AccessReviewer
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.leader_election import LeaderElector, LeadershipLost
from modelmatrix.cluster.observed_lease import Holder
from modelmatrix.cluster.operator_login import operator_credentials
from modelmatrix.cluster.writers.applier import Applier
from modelmatrix.cluster.writers.event_recorder import EventRecorder
from modelmatrix.cluster.writers.status_writer import StatusWriter
from modelmatrix.control.admission import AdmissionReviewer
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoller
from modelmatrix.control.debouncer import Debouncer
from modelmatrix.control.health import STALE_SECONDS, liveness_problem, readiness_problem
from modelmatrix.control.informers import Informers
from modelmatrix.control.loop import ControlLoop
from modelmatrix.kopf_handlers import WebhookOptions, make_registry, run_kopf
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot, TenantDefaults
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.settings import DENY, NO_NAMES, Settings, split_address
from modelmatrix.telemetry.exporter import Exporter
from modelmatrix.telemetry.http_server import METRICS_PATH, SecureServing, serve
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus, PrometheusAuth

_log = logging.getLogger(__name__)

LAST_WRITES_SECONDS = 3.0  # requests in flight end before another process leads; the Lease lasts longer than that
KINDS_POLL_SECONDS = 1.0
_STATUSES = {Access.ALLOWED: 200, Access.UNAUTHENTICATED: 401, Access.FORBIDDEN: 403, Access.UNKNOWN: 503}


class Operator:
    """All parts of one operator process."""

    def __init__(self, settings: Settings) -> None:
        credentials = operator_credentials()
        self.settings = settings
        self.stop = asyncio.Event()
        self.exporter = Exporter()
        self.clock = ModelClock(settings.time_scale, settings.time_origin, settings.time_start)
        agent = f"modelmatrix/{settings.identity}"
        self.reader = ApiClient(credentials, self._count, agent=agent)
        self.elections = ApiClient(credentials, agent=agent)
        own = Holder(f"{settings.namespace}/{settings.installation}", settings.identity)
        self.elector = LeaderElector(self.elections, settings.lease_namespace, own, time.monotonic)
        self.exporter.other_installation.set_function(lambda: bool(self.elector.other_installation))
        self.writer = ApiClient(credentials, self._count, write_seconds=lambda: self.elector.write_seconds, agent=agent)
        self.wakeup = Debouncer(time.monotonic)
        self.informers = Informers(self.reader, builtin(), self.wakeup.trigger)
        self.prometheus = _make_prometheus(settings)
        self.loop = self._make_loop()

    def _make_loop(self) -> ControlLoop:
        recorder = EventRecorder(self.writer, self.settings.identity, time.time)
        return ControlLoop(
            informers=self.informers,
            applier=Applier(self.writer, time.monotonic, time.time, self.wakeup.trigger),
            writer=StatusWriter(self.writer, recorder, time.monotonic),
            wakeup=self.wakeup,
            autoscaler=self._make_autoscaler(),
            clock=self.clock,
            interval_seconds=self.settings.interval,
            settings=PlanSettings(
                self.settings.cluster_domain,
                self.settings.weights_image,
                gateway_metric=bool(self.settings.gateway_query),
                max_rollouts=self.settings.max_rollouts,
                write_namespaces=frozenset(filter(None, self.settings.write_namespaces.split(","))),
                open_ports=_open_ports(self.settings),
                tenancy=_tenant_defaults(self.settings),
            ),
            observe=self._observe,
        )

    def _make_autoscaler(self) -> Autoscaler:
        return Autoscaler(
            builtin(),
            SloPolicy(),
            MetricsPoller(self.prometheus, self.clock, self.settings.interval),
            self.settings.gateway_query,
            self.settings.prometheus_matchers,
            decided=self.exporter.count_decision,
            polled=self.wakeup.trigger,
        )

    async def run(self) -> None:
        """Run until a signal, or until a vital part fails.

        Raises:
            ExceptionGroup: a part has failed; holds ``LeadershipLost`` when that was why.
        """
        async with AsyncExitStack() as stack:
            for client in (self.reader, self.writer, self.elections, self.prometheus):
                if client is not None:
                    await stack.enter_async_context(client)
            address = split_address(self.settings.metrics_address)
            await stack.enter_async_context(
                serve(address, self.exporter.registry, healthy=self._unhealthy, ready=self._unready, secure=self._secure())
            )
            self._listen()
            admission = asyncio.create_task(self._admit(), name="admission")
            try:
                await self._run_vital_parts()
            finally:
                await self._end(admission)

    async def _run_vital_parts(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.informers.run(), name="informers"),
                group.create_task(self.elector.run(), name="election"),
                group.create_task(self._lead(), name="control loop"),
            ]
            await self.stop.wait()
            _log.info("stopping")
            for task in tasks:
                task.cancel()

    async def _end(self, admission: asyncio.Task[None]) -> None:
        in_flight = (self.loop.applier.in_flight, self.loop.writer.in_flight)
        ended = await asyncio.gather(*(writes.shutdown(LAST_WRITES_SECONDS) for writes in in_flight))
        if all(ended):  # the API server may still carry out a write that hangs: then the Lease has to expire
            await self.elector.release()
        admission.cancel()
        await asyncio.wait((admission,))

    async def _lead(self) -> None:
        await self.informers.synced()
        _log.info("all informers have synced")
        gc.freeze()  # the catalogue and the first lists live as long as the process: no collection need visit them
        await self.elector.leading.wait()
        self.exporter.leader.set(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(), name="cycles")
            group.create_task(self.loop.writer.run(), name="statuses")
            group.create_task(self.loop.autoscaler.run(), name="signals")

    async def _admit(self) -> None:
        """Serve admission once there is something to say, and kopf can discover our kinds."""
        settings = self.settings
        if not settings.admission_address:
            return
        await self.informers.synced()
        while self.informers.absent_own_kinds():  # noqa: ASYNC110 - CRDs that come after the operator are rare
            await asyncio.sleep(KINDS_POLL_SECONDS)
        reviewer = AdmissionReviewer(self.informers, self.loop.snapshot, self.exporter.observe_admission, cache=self.loop.cache)
        options = WebhookOptions(
            *split_address(settings.admission_address),
            settings.admission_certificate_file,
            settings.admission_key_file,
            denies=settings.admission_mode == DENY,
        )
        await run_kopf(make_registry(reviewer.review, options), spawned=self._listen)

    def _listen(self) -> None:
        """Let SIGTERM and SIGINT stop the process in our order; kopf sets handlers of its own whenever it starts."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)

    def _secure(self) -> SecureServing | None:
        settings = self.settings
        if not settings.metrics_secure:
            return None
        reviewer = AccessReviewer(self.reader, METRICS_PATH, time.monotonic)

        async def status_of(token: str) -> int:
            return _STATUSES[await reviewer.review(token) if token else Access.UNAUTHENTICATED]

        return SecureServing(settings.metrics_certificate_file, settings.metrics_key_file, status_of)

    def _count(self, verb: str, code: str) -> None:
        self.exporter.requests.labels(verb, code).inc()

    def _observe(self, snapshot: Snapshot, plan: Plan, seconds: float) -> None:
        self.exporter.record_plan(snapshot, plan, seconds)
        self.exporter.readings = dict(self.loop.autoscaler.readings)

    def _unhealthy(self) -> str:
        return liveness_problem(
            loop_silent_seconds=self.loop.silent_seconds if self.elector.is_leader else 0.0,
            locked_out_seconds=self.elector.locked_out_seconds,
        )

    def _unready(self) -> str:
        return readiness_problem(
            unsynced=self.informers.unsynced(),
            absent=self.informers.absent_own_kinds(),
            stale=self.informers.stale_kinds(STALE_SECONDS),
            other_installation=self.elector.other_installation,
        )


def _tenant_defaults(settings: Settings) -> TenantDefaults:
    return TenantDefaults(
        Priority(settings.tenancy_highest_priority),
        CustomCode(settings.tenancy_custom_code),
        () if settings.tenancy_secret_names == NO_NAMES else tuple(settings.tenancy_secret_names.split(",")),
    )


def _open_ports(settings: Settings) -> tuple[int, ...] | None:
    ports = tuple(map(int, filter(None, settings.engine_open_ports.split(","))))
    return ports if settings.engine_network_policy else None


def _make_prometheus(settings: Settings) -> Prometheus | None:
    access = PrometheusAuth(settings.prometheus_ca_file, settings.prometheus_token_file)
    url, seconds = settings.prometheus_url, settings.prometheus_timeout
    return Prometheus(url, seconds, auth=access) if url else None


def run(settings: Settings) -> int:
    """Run the operator; the exit code."""
    code = 0
    try:
        asyncio.run(Operator(settings).run())
    except* LeadershipLost as lost:
        _log.error("leadership lost: %s; ending so that another can lead", lost.exceptions[0])
        code = 1
    return code

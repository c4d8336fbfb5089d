"""The control loop alone: what a cycle reads, what it hands to whom, and when the next one is due."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, fields
from types import SimpleNamespace
from typing import Any, cast

import pytest

from factories import NOW, deployment, nodes, pool, workload
from fakes.waiting import FakeClock, until
from modelmatrix.api import names
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.writers.status_writer import DEPLOYMENT_DELAYS, POOL_DELAYS, StatusUpdate
from modelmatrix.control import loop as loop_module
from modelmatrix.control.loop import ControlLoop
from modelmatrix.planning.actions.action import Action, Create
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings, ScaleDecision, Snapshot
from modelmatrix.planning.snapshot.views import Compute, NamespacedName

CHAT = deployment()
POOL = pool()
GONE = deployment(name="gone", deleting=True)

BACKGROUND = {"elsewhere": Compute()}


def cache(*views: object) -> SimpleNamespace:
    """A cache with these views."""
    return SimpleNamespace(views=views, present=True)


@dataclass
class Wakeup:
    """A debouncer that notes until when the loop would wait."""

    waits: list[tuple[float, float]] = field(default_factory=list)
    again: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, *, until: float, coalesce_seconds: float) -> None:
        """Wait for the test."""
        self.waits.append((until, coalesce_seconds))
        await self.again.wait()
        self.again.clear()


@dataclass
class Recorder:
    """What the loop hands over, in order, and what it is given."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    failures: dict[NamespacedName, Any] = field(default_factory=dict)
    next_due: float | None = None
    measured: dict[NamespacedName, Any] = field(default_factory=dict)
    decisions: dict[NamespacedName, Any] = field(default_factory=dict)

    def take_poll(self, now_seconds: float) -> None:
        """The autoscaler takes a poll."""
        self.calls.append(("poll", now_seconds))

    def follow(self, deployments: object, _catalogue: object) -> None:
        """The autoscaler gets the plan."""
        self.calls.append(("follow", deployments))

    def submit(self, what: Any) -> None:
        """A writer gets statuses or actions."""
        given = list(what)
        self.calls.append(("statuses" if any(isinstance(item, StatusUpdate) for item in given) else "actions", given))

    def observe(self, _snapshot: Snapshot, plan: Plan, _seconds: float) -> None:
        """The exporter gets the plan."""
        self.calls.append(("observe", plan))

    def of(self, name: str) -> Any:
        """The one call with this name."""
        (found,) = (content for called, content in self.calls if called == name)
        return found


def sources() -> SimpleNamespace:
    """Caches with a view of its own in each."""
    return SimpleNamespace(
        catalogue=builtin,
        deployments=cache(CHAT, GONE),
        pools=cache(POOL),
        tenant_policies=cache(),
        namespaces=cache(),
        nodes=cache(*nodes(1)),
        owned_pods=lambda: (),
        pods=SimpleNamespace(background=BACKGROUND),
        workloads=cache(),
        groups=cache(),
        services=cache(),
        network_policies=cache(),
        runtime_classes=cache("ascend"),
    )


def loop_with(recorder: Recorder, *, informers: SimpleNamespace | None = None, wakeup: Wakeup | None = None) -> ControlLoop:
    """A control loop between fakes; a second of model time is half a real one."""
    return ControlLoop(
        informers=cast("Any", informers or sources()),
        applier=cast("Any", recorder),
        writer=cast("Any", recorder),
        wakeup=cast("Any", wakeup or Wakeup()),
        autoscaler=cast("Any", recorder),
        clock=cast("Any", SimpleNamespace(now=lambda: NOW, scale=2.0, real_seconds=lambda seconds: seconds / 2.0)),
        interval_seconds=30.0,
        settings=PlanSettings(cluster_domain="bank.local"),
        observe=recorder.observe,
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    times = SimpleNamespace(monotonic=fake, time=time.time, perf_counter=time.perf_counter)
    monkeypatch.setattr(loop_module, "time", times)
    return fake


async def cycle(recorder: Recorder, wakeup: Wakeup | None = None, **given: Any) -> tuple[float, float]:
    """Run one cycle; until when the loop then waits, and how long it lets changes gather."""
    woken = wakeup or Wakeup()
    task = asyncio.create_task(loop_with(recorder, wakeup=woken, **given).run())
    await until(lambda: woken.waits or task.done())
    task.cancel()
    await asyncio.wait((task,))
    return woken.waits[-1]


async def test_a_cycle_hands_over_statuses_before_actions_and_observes_the_plan() -> None:
    recorder = Recorder()
    await cycle(recorder)
    assert [name for name, _ in recorder.calls] == ["poll", "follow", "statuses", "actions", "observe"]
    assert recorder.of("poll") == NOW
    plan: Plan = recorder.of("observe")
    assert recorder.of("follow") is plan.deployments
    actions: list[Action] = recorder.of("actions")
    assert tuple(actions) == plan.actions
    assert {type(action) for action in actions} == {Create}


async def test_each_object_gets_its_own_status_and_events_by_uid() -> None:
    recorder = Recorder()
    await cycle(recorder)
    plan: Plan = recorder.of("observe")
    chat, ascend = cast("list[StatusUpdate]", recorder.of("statuses"))
    assert (chat.kind, chat.key, chat.uid, chat.delays) == (names.MODEL_DEPLOYMENTS, CHAT.key, CHAT.uid, DEPLOYMENT_DELAYS)
    assert (ascend.kind, ascend.key, ascend.uid) == (names.ACCELERATOR_POOLS, NamespacedName("", POOL.name), POOL.uid)
    assert ascend.delays == POOL_DELAYS
    assert (chat.stored, chat.desired) == (CHAT.status, plan.statuses[CHAT.key])
    assert (ascend.stored, ascend.desired) == (POOL.status, plan.pool_statuses[POOL.name])
    assert chat.events
    assert {event.uid for event in chat.events} == {CHAT.uid}
    assert {event.uid for event in ascend.events} <= {POOL.uid}


def test_a_snapshot_has_what_every_source_has() -> None:
    recorder = Recorder(
        failures={CHAT.key: "refused"}, measured={CHAT.key: "slow"}, decisions={CHAT.key: cast("ScaleDecision", "more")}
    )
    informers = sources()
    informers.tenant_policies, informers.namespaces = cache("policy"), cache("namespace")
    informers.workloads, informers.groups, informers.services = cache(workload()), cache(workload(nodes=2)), cache("service")
    informers.owned_pods, informers.network_policies = lambda: ("pod",), cache("network policy")
    informers.groups.present = False
    snapshot = loop_with(recorder, informers=informers).snapshot()
    expected = {
        "now_seconds": NOW,
        "catalogue": builtin(),
        "deployments": (CHAT, GONE),
        "pools": (POOL,),
        "tenant_policies": ("policy",),
        "namespaces": ("namespace",),
        "nodes": nodes(1),
        "pods": ("pod",),
        "workloads": (workload(), workload(nodes=2)),
        "background": BACKGROUND,
        "services": ("service",),
        "network_policies": ("network policy",),
        "runtime_classes": {"ascend"},
        "leader_worker_sets": False,
        "failures": {CHAT.key: "refused"},
        "measured": {CHAT.key: "slow"},
        "decisions": {CHAT.key: "more"},
        "settings": PlanSettings(cluster_domain="bank.local"),
        "time_scale": 2.0,
    }
    assert {name: getattr(snapshot, name) for name in expected} == expected
    assert snapshot.real_seconds > NOW
    others = {item.name for item in fields(Snapshot)} - expected.keys()
    assert others <= {"lost_nodes", "real_seconds", "preflights", "events"}, "a source that this test does not know"


async def test_the_next_cycle_comes_with_the_interval_in_real_time(clock: FakeClock) -> None:
    due, _ = await cycle(Recorder())
    assert due == clock.seconds + 15


async def test_a_retry_that_is_due_sooner_comes_first(clock: FakeClock) -> None:
    assert (await cycle(Recorder(next_due=clock.seconds + 3)))[0] == clock.seconds + 3
    assert (await cycle(Recorder(next_due=clock.seconds + 300)))[0] == clock.seconds + 15


async def test_a_plan_that_takes_long_is_made_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 0.7])
    times = SimpleNamespace(monotonic=time.monotonic, time=time.time, perf_counter=lambda: next(ticks))
    monkeypatch.setattr(loop_module, "time", times)
    _, pause = await cycle(Recorder())
    assert pause == pytest.approx(3.5)


async def test_a_quick_plan_lets_changes_gather_for_a_moment() -> None:
    _, pause = await cycle(Recorder())
    assert pause >= loop_module.COALESCE_SECONDS


async def test_it_knows_for_how_long_no_cycle_has_begun(clock: FakeClock) -> None:
    recorder, wakeup = Recorder(), Wakeup()
    loop = loop_with(recorder, wakeup=wakeup)
    assert loop.silent_seconds == 0
    task = asyncio.create_task(loop.run())
    await until(lambda: wakeup.waits)
    clock.pass_(130)
    assert loop.silent_seconds == 130
    wakeup.again.set()
    await until(lambda: len(wakeup.waits) == 2)
    assert loop.silent_seconds == 0
    task.cancel()
    await asyncio.wait((task,))

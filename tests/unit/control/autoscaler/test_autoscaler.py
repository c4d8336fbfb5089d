from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from factories import NOW, deployment, nodes, pool
from fakes import prometheus as fake
from fakes.prometheus import FakePrometheus, Series
from fakes.scaled_deployment import KEY, LOOK_SECONDS, SERVED_SECONDS, Rig, deployments, idle_poller, pods_of
from fakes.waiting import until
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoll
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, EngineReading, History, Observation
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.signals.vectors import Vector
from modelmatrix.telemetry.prometheus_client import Prometheus
from scenarios.world import World, rest

WINDOW = {"name": "day", "start": "0 22 * * *", "end": "0 23 * * *", "timeZone": "Asia/Shanghai", "minReplicas": 2}


@dataclass
class Listener:
    """A policy that keeps what it is told, and says a number."""

    says: int = 1
    reason: Reason = Reason.STEADY
    name: str = "listener"
    longest_start_seconds: float | None = None
    told: list[Observation] = field(default_factory=list)
    memories: list[Any] = field(default_factory=list)

    def initial_state(self, second: float) -> str:
        """A memory of priors."""
        return f"recalled at {second - NOW:.0f}"

    def restore_state(self, history: History, second: float) -> str:
        """A memory of the past."""
        return f"rebuilt from {len(history.arrivals_per_second)} at {second - NOW:.0f}"

    def decide(self, observation: Observation, memory: str) -> tuple[Decision, str]:
        """Its number."""
        self.told.append(observation)
        self.memories.append(memory)
        decision = Decision(
            self.says, self.reason, "as told", {"figure": 1.0}, {"ascend-a": self.says}, self.longest_start_seconds
        )
        return decision, memory


@asynccontextmanager
async def rigged(plans: dict[NamespacedName, DeploymentPlan], policy: Any, **fields: Any) -> AsyncIterator[Rig]:
    """A deployment that is looked at."""
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        yield Rig(server, client, plans, policy, **fields)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def rig(listener: Listener) -> AsyncIterator[Rig]:
    async with rigged(deployments(2, scaling={"schedule": [WINDOW]}), listener) as made:
        yield made


@pytest.fixture
async def asleep(listener: Listener) -> AsyncIterator[Rig]:
    async with rigged(deployments(0, scaling={"minReplicas": 0}), listener, gateway_query="gateway", now=NOW) as made:
        yield made


async def test_a_policy_is_told_what_is_known(rig: Rig, listener: Listener) -> None:
    series = rig.serves(per_second=3.0, running=6.0, within=0.9)
    series.engines = {"vllm/step": 0.03, "vllm/running": 3.0, "vllm/kv_usage": 0.2, "vllm/computed": 1500.0}
    await rig.look()
    (seen,) = listener.told
    assert (seen.quality, seen.desired, seen.bounds.min_replicas, seen.bounds.max_replicas) == (Reason.SIGNALS_FRESH, 2, 1, 8)
    assert (seen.slo.ttft_seconds, seen.slo.tpot_seconds, seen.slo.e2e_seconds, seen.slo.percentile) == (2.0, 0.1, None, 95)
    assert seen.traffic is not None
    assert seen.traffic.ttft is not None
    assert seen.traffic.ttft.ratio == pytest.approx(0.9)
    assert seen.gateway_per_second is None
    (variant,) = seen.variants
    assert (variant.pool, variant.ready, variant.starting, variant.settled) == ("ascend-a", 2, 0, 2)
    assert variant.engine == EngineReading(step_seconds=0.03, running=3.0, kv_usage_ratio=0.2, prompt_tokens_per_second=1500.0)
    assert variant.room > 0
    assert variant.starting_ages_seconds == ()
    assert [duration for _, duration in variant.observed_starts] == [0.0, 0.0], "pods of a cluster in memory start at once"


async def test_a_schedule_is_told_with_what_is_open(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    for hour, floor in ((-2.5, 0), (-1.0, 0), (0.5, 2), (1.5, 0)):
        rig.now = _at_22(rig.now) + hour * 3600
        await rig.look()
        assert listener.told[-1].bounds.floor == floor, hour


async def test_a_window_opens_as_early_as_the_policy_has_learned_that_starts_take(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    listener.longest_start_seconds = 2500.0
    rig.now = _at_22(rig.now) - 3000.0
    await rig.look()
    assert listener.told[-1].bounds.floor == 0, "the estimate of the catalogue is shorter"
    await rig.look()
    assert (listener.told[-1].bounds.floor, listener.told[-1].bounds.window) == (2, WINDOW["name"])
    assert rig.scaler.decisions[KEY].longest_start_seconds == 2500.0


def _at_22(second: float) -> float:
    """Ten in the evening in Shanghai, of the next day."""
    day = 86400.0
    return (second // day + 2) * day - 8 * 3600 + 22 * 3600


async def test_its_decision_goes_to_the_plan_and_to_who_counts_them(rig: Rig, listener: Listener) -> None:
    counted: list[tuple[NamespacedName, int, int]] = []
    listener.says = 5
    rig.scaler.decided = lambda key, seen, decision: counted.append((key, seen.desired, decision.replicas))
    rig.serves(per_second=1.0)
    await rig.look()
    assert rig.scaler.decisions == {KEY: ScaleDecision(5, Reason.STEADY, "as told", {"ascend-a": 5})}
    assert rig.scaler.policy_decisions[KEY].values == {"figure": 1.0}
    assert counted == [(KEY, 2, 5)]


async def test_a_change_keeps_its_words_until_the_next_one(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    listener.says, listener.reason = 5, Reason.LOAD_RISING
    await rig.look()
    listener.reason = Reason.STEADY
    await rig.look()
    assert rig.scaler.decisions[KEY].reason is Reason.LOAD_RISING
    listener.says = 4
    await rig.look()
    assert rig.scaler.decisions[KEY].reason is Reason.STEADY


async def test_signals_that_fail_after_a_change_do_not_take_its_words(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    listener.says, listener.reason = 2, Reason.LOAD_FALLING
    await rig.look()
    rig.prometheus.series[0].pods.clear()
    listener.reason = Reason.SIGNALS_MISSING
    await rig.look()
    assert (rig.scaler.decisions[KEY].replicas, rig.scaler.decisions[KEY].reason) == (2, Reason.LOAD_FALLING)
    assert rig.scaler.readings[KEY].quality is Reason.SIGNALS_MISSING


async def test_a_measurement_goes_to_the_status(rig: Rig) -> None:
    series = rig.serves(per_second=3.0, within=0.9)
    series.values |= {"vllm/ttft/95": 0.8, "vllm/tpot/95": 0.05}
    await rig.look()
    found = rig.scaler.measured[KEY]
    assert (found.reason, found.attainment_percent) == (Reason.SIGNALS_FRESH, pytest.approx(80.0))
    assert (found.ttft_milliseconds, found.tpot_milliseconds, found.observed_seconds) == (800, 50, 120)


async def test_the_past_is_taken_up_once(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    rig.prometheus.past = past_of(rig)
    await rig.look(2)
    assert listener.memories[0].startswith("rebuilt from 2 at ")
    assert listener.memories[0] == listener.memories[1]


def past_of(rig: Rig) -> fake.Answer:
    metric = {"namespace": KEY.namespace, "modelmatrix_io_deployment": KEY.name, "signal": "vllm"}
    points = [[rig.now - 600, "1"], [rig.now - 300, "2"]]
    return lambda _: fake.success([{"metric": metric, "values": points}], kind="matrix")


async def test_a_prometheus_that_comes_later_is_still_asked_for_the_past(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    rig.prometheus.answer = fake.text(503, "starting")
    await rig.look(3)
    rig.prometheus.answer = None
    rig.prometheus.past = past_of(rig)
    await rig.look()
    assert [memory.split()[0] for memory in listener.memories] == ["recalled", "recalled", "recalled", "rebuilt"]


async def test_without_a_past_there_are_priors_and_they_stay(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    rig.prometheus.past = fake.error()
    await rig.look(2)
    assert listener.memories[0].startswith("recalled")
    assert listener.memories[0] == listener.memories[1]


async def test_who_is_gone_is_forgotten(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    await rig.look()
    plans, rig.plans = rig.plans, {}
    rig.scaler.update(MetricsPoll(rig.now), {}, now_seconds=rig.now)
    assert (rig.scaler.decisions, rig.scaler.measured, rig.scaler.readings) == ({}, {}, {})
    rig.plans = plans
    await rig.look()
    assert listener.memories[0] != listener.memories[1]


@pytest.mark.parametrize(
    ("fields", "measured", "scaled"),
    [
        ({"scaling": {}}, True, True),
        ({"suspend": True}, True, False),
        ({"slo": None}, True, True),
    ],
)
async def test_who_is_measured_and_who_is_scaled(fields: dict[str, Any], measured: bool, scaled: bool) -> None:  # noqa: FBT001
    async with rigged(deployments(1, **fields), Listener(), now=NOW + SERVED_SECONDS) as rig:
        rig.serves(per_second=1.0)
        rig.now += LOOK_SECONDS
        rig.scaler.follow(rig.plans, builtin())
        await rig.scaler.poll()
        rig.scaler.take_poll(rig.now)
        assert (KEY in rig.scaler.measured, KEY in rig.scaler.decisions) == (measured, scaled)


async def test_a_gateway_is_asked_for_who_sleeps(asleep: Rig, listener: Listener) -> None:
    counts = {"namespace": KEY.namespace, "deployment": KEY.name}
    asleep.prometheus.answer = lambda text: fake.success([fake.sample(counts, 2.5)] if text == "gateway" else ())
    await asleep.look()
    (seen,) = listener.told
    assert (seen.gateway_per_second, seen.quality, seen.traffic) == (2.5, Reason.SCALED_TO_ZERO, None)


async def test_a_gateway_that_knows_nothing_of_it(asleep: Rig, listener: Listener) -> None:
    await asleep.look()
    assert listener.told[0].gateway_per_second is None


async def test_a_gateway_that_cannot_be_asked_is_told(asleep: Rig, listener: Listener) -> None:
    failing = fake.error(422, "no such function")
    asleep.prometheus.answer = lambda text: failing(text) if text == "gateway" else fake.success(())
    await asleep.look()
    assert listener.told[0].quality is Reason.PROMETHEUS_UNAVAILABLE
    assert "no such function" in asleep.scaler.measured[KEY].message


async def test_a_failing_gateway_does_not_touch_those_that_serve(listener: Listener) -> None:
    async with rigged(deployments(2), listener, gateway_query="gateway") as rig:
        rig.serves(per_second=1.0)
        server, failing = rig.prometheus, fake.error()
        server.answer = lambda text: failing(text) if text == "gateway" else fake.success(server.samples(text))
        await rig.look()
        assert listener.told[0].quality is Reason.SIGNALS_FRESH


async def test_the_policy_wakes_who_sleeps_when_a_gateway_counts_requests() -> None:
    async with rigged(deployments(0, scaling={"minReplicas": 0}), SloPolicy(), gateway_query="gateway", now=NOW) as rig:
        await rig.look(5)
        assert rig.scaler.policy_decisions[KEY].replicas == 0
        counts = {"namespace": KEY.namespace, "deployment": KEY.name}
        rig.prometheus.answer = lambda text: fake.success([fake.sample(counts, 0.5)] if text == "gateway" else ())
        assert (await rig.look())[0].replicas == 1


@pytest.mark.parametrize("quality", ["unknown", "known"])
async def test_the_number_only_falls_on_what_is_known(rig: Rig, quality: str) -> None:
    rig.serves(per_second=1.0)
    if quality == "unknown":
        rig.prometheus.series[0].pods.clear()
    (decision,) = await rig.look()
    assert decision.replicas == (1 if quality == "known" else 2)
    if quality == "unknown":
        assert (decision.reason, decision.by_pool) == (Reason.SIGNALS_MISSING, {})
        assert "not scraped" in decision.message


def starting_world() -> World:
    """Two replicas serve, and two of four more that are wanted have pods."""
    view = deployment(scaling={"minReplicas": 1, "maxReplicas": 8}, slo={"ttftMilliseconds": 2000})
    world = World(deployments={view.key: view})
    world.pools, world.nodes = {"ascend-a": pool(site="site-a")}, {one.name: one for one in nodes(4)}
    rest(world, decisions=decision(2))
    world.now_seconds += SERVED_SECONDS
    world.apply(world.plan(decisions=decision(4)))
    world.step()
    return world


def decision(replicas: int) -> dict[NamespacedName, ScaleDecision]:
    return {KEY: ScaleDecision(replicas, Reason.STEADY, "")}


def test_replicas_that_start_have_ages_and_those_to_come_are_young(listener: Listener) -> None:
    world = starting_world()
    world.workloads[next(iter(world.workloads))].pods = [
        replace(pod, ready=pod.created_seconds < world.now_seconds - 1000) for pod in world.pods
    ]
    plans = dict(world.plan(decisions=decision(6)).deployments)
    scaler = Autoscaler(builtin(), listener, idle_poller())
    scaler.update(MetricsPoll(world.now_seconds + 40), plans, now_seconds=world.now_seconds + 40)
    (variant,) = listener.told[0].variants
    assert (variant.ready, variant.starting, variant.site) == (2, 4, "site-a")
    assert variant.starting_ages_seconds == (40.0, 40.0, 0.0, 0.0)


def test_a_start_is_known_by_when_a_pod_was_ready_first(listener: Listener) -> None:
    world = starting_world()
    workload = next(iter(world.workloads.values()))
    now = world.now_seconds + 100
    scaler = Autoscaler(builtin(), listener, idle_poller(15.0))
    for ready in (world.now_seconds + 20, world.now_seconds + 90):  # it was ready, and lost and regained that
        workload.pods = [replace(pod, ready_seconds=ready) for pod in workload.pods]
        scaler.update(MetricsPoll(now), dict(world.plan(decisions=decision(4)).deployments), now_seconds=NOW)
    starts = [listener.told[number].variants[0].observed_starts for number in (0, 1)]
    assert starts[0] == starts[1]
    assert starts[0] == ((NOW - 80 * 15, 20 * 15), (NOW - 80 * 15, 20 * 15)), "the first two were ready for too long to tell"


def test_replicas_of_a_workload_that_retires_must_be_measured_too() -> None:
    plans = deployments(2)
    ((workload, replicas),) = plans[KEY].observed
    retired = replace(workload, key=NamespacedName(workload.key.namespace, "old"), engine="SGLang")
    plans = {KEY: replace(plans[KEY], observed=((retired, replicas),))}
    scaler = Autoscaler(builtin(), SloPolicy(), idle_poller())
    assert "sglang:num_queue_reqs" in scaler.queries(plans).expressions["pods"]
    now = NOW + 2 * SERVED_SECONDS
    scaler.update(MetricsPoll(now, vectors(fake.serving(pods_of(plans[KEY]), per_second=1.0))), plans, now_seconds=now)
    assert "not scraped" in scaler.readings[KEY].message


async def test_the_last_samples_of_a_replica_that_is_gone_are_no_strangers(rig: Rig) -> None:
    rig.serves(per_second=1.0)
    await rig.look()
    rig.plans = deployments(1)
    await rig.look()
    assert rig.scaler.readings[KEY].quality is Reason.SIGNALS_FRESH
    rig.restart()
    await rig.look()
    assert rig.scaler.readings[KEY].quality is Reason.SIGNALS_MISSING, "who has not seen it as a replica cannot know"


def vectors(series: Series) -> dict[str, Vector]:
    """What a look at pods alone would give."""
    found = [
        ({**series.labels, "pod": pod, "signal": name}, float(value))
        for pod, values in series.pods.items()
        for name, value in values.items()
    ]
    return {"pods": Vector(tuple(found))}


async def test_it_polls_again_and_again_and_each_poll_is_taken_once(rig: Rig, listener: Listener) -> None:
    rig.serves(per_second=1.0)
    rig.scaler.poller.interval_seconds = 0.001
    rig.scaler.follow(rig.plans, builtin())
    task = asyncio.create_task(rig.scaler.run())
    await until(lambda: len(rig.looks) >= 3)
    task.cancel()
    for _ in range(2):
        rig.scaler.take_poll(rig.now + LOOK_SECONDS)
    assert len(listener.told) == 1


async def test_without_deployments_nothing_is_polled(rig: Rig) -> None:
    await rig.scaler.poll()
    rig.scaler.take_poll(rig.now)
    assert (rig.scaler.untaken, rig.prometheus.queries, rig.scaler.decisions) == (None, [], {})


def test_nobody_to_ask_about(listener: Listener) -> None:
    scaler = Autoscaler(builtin(), listener, idle_poller())
    assert scaler.queries({}).expressions == {}
    assert scaler.history_query({}).expression == ""
    scaler.update(MetricsPoll(NOW), {}, now_seconds=NOW)
    assert scaler.decisions == {}

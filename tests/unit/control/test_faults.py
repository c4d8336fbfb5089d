"""Metrics that misbehave, each tempting to take replicas away and to add some: nothing is concluded from what is unknown.

Four replicas serve what takes four. What a fault means to the queries is tried on a real Prometheus (``e2e/tests/signals``);
here is what becomes of such answers, and of answers that are none.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fakes import prometheus as fake
from fakes.prometheus import FakePrometheus
from fakes.scaled_deployment import KEY, LOOK_SECONDS, Rig, deployments
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, History, Observation
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.signals.fleet_queries import NEEDED
from modelmatrix.telemetry.prometheus_client import Prometheus

REPLICAS = 4
STEADY = {"per_second": 6.0, "running": 18.0}
NOTHING = {"per_second": 0.0, "running": 0.0}
FLOOD = {"per_second": 500.0, "running": 900.0, "waiting": 4000.0}
TWENTY_MINUTES = int(1200 / LOOK_SECONDS)

Fault = Callable[[Rig], None]


@dataclass(frozen=True)
class Rash:
    """A policy without any sense: everything it does not know is nothing, and everything it sees is true."""

    name: str = "rash"

    def initial_state(self, second: float) -> None:
        """Nothing."""

    def restore_state(self, history: History, second: float) -> None:
        """Nothing."""

    def decide(self, observation: Observation, memory: None) -> tuple[Decision, None]:
        """A replica for each and a half requests per second, at once."""
        traffic = observation.traffic
        wanted = math.ceil(traffic.arrivals_per_second / 1.5) if traffic else observation.bounds.min_replicas
        return Decision(observation.bounds.clamp(wanted), Reason.STEADY, ""), memory


@pytest.fixture(scope="module")
def plans() -> dict[NamespacedName, DeploymentPlan]:
    return deployments(REPLICAS)


@pytest.fixture(params=[SloPolicy(), Rash()], ids=lambda policy: policy.name)
async def rig(plans: dict[NamespacedName, DeploymentPlan], request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A deployment that has been looked at long enough to be known."""
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        made = Rig(server, client, plans, request.param)
        made.serves(**STEADY)
        await made.look(20)
        yield made


async def decided(rig: Rig, looks: int = TWENTY_MINUTES) -> set[int]:
    """What is decided from now on; who has no patience needs no time to show it."""
    rash = isinstance(rig.policy, Rash)
    return {decision.replicas for decision in await rig.look(min(looks, 3) if rash else looks)}


def answers(answer: fake.Answer) -> Fault:
    def fault(rig: Rig) -> None:
        rig.prometheus.answer = answer

    return fault


def all_values(value: object) -> Fault:
    """Every number of the deployment is another one; its pods are seen."""

    def fault(rig: Rig) -> None:
        series = rig.prometheus.series[0]
        series.values = {name: str(value) for name in series.values}
        series.buckets = {name: str(value) for name in series.buckets}

    return fault


def one_value(name: str, value: str) -> Fault:
    def fault(rig: Rig) -> None:
        rig.prometheus.series[0].values[name] = value

    return fault


def without(*names: str) -> Fault:
    def fault(rig: Rig) -> None:
        for name in names:
            del rig.prometheus.series[0].values[name]

    return fault


def pods(change: Callable[[dict[str, Any]], object], *, number: int = 1) -> Fault:
    """The last pods appear otherwise."""

    def fault(rig: Rig) -> None:
        for pod in rig.pods[-number:]:
            change(rig.prometheus.series[0].pods[pod])

    return fault


def a_stranger(rig: Rig) -> None:
    rig.prometheus.series[0].pods["copycat"] = {"vllm/age": 1.0}


def empty(rig: Rig) -> None:
    rig.prometheus.series = []


def renamed(rig: Rig) -> None:
    rig.prometheus.series[0].missing["vllm/finished"] = 2.0


def part_only(rig: Rig) -> None:
    series = rig.prometheus
    rig.prometheus.answer = lambda text: fake.success(series.samples(text), warnings=["a store is away"])


NO_ANSWER: dict[str, Fault] = {
    "500": answers(fake.text(500, "oops")),
    "503 with JSON": answers(fake.error(503, "starting up")),
    "200 with HTML": answers(fake.text(200, "<html>log in</html>")),
    "status error": answers(fake.error(200, "query timed out")),
    "redirect": answers(fake.text(302, "")),
    "cut in the middle": answers(fake.text(200, '{"status":"success","data":{"resu')),
    "another type": answers(fake.text(200, '{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}')),
}
NO_NUMBERS: dict[str, Fault] = {
    "empty vectors": answers(lambda _: fake.success(())),
    "deployment unknown": empty,
    "all NaN": all_values("NaN"),
    "all +Inf": all_values("+Inf"),
    "all -Inf": all_values("-Inf"),
    "arrivals are NaN": one_value("vllm/short", "NaN"),
    "arrivals are gone": without("vllm/short"),
    "long arrivals are gone": without("vllm/long"),
    "queue is NaN": one_value("vllm/waiting", "NaN"),
    "running is gone": without("vllm/running"),
    "a foreign pod": a_stranger,
}
PARTS: dict[str, Fault] = {
    "one pod is not scraped": pods(dict.clear),
    "three pods are not scraped": pods(dict.clear, number=3),
    "one target is down": pods(lambda values: (values.clear(), values.update(up=0.0))),
    "one pod's names are others": pods(lambda values: (values.clear(), values.update(up=1.0, samples=90.0))),
    "one pod is stale": pods(lambda values: values.update({"vllm/age": 400.0})),
    "one pod is stale for ever": pods(lambda values: values.update({"vllm/age": 1e9})),
    "a metric is renamed": renamed,
    "Prometheus knows a minute only": pods(lambda values: values.update(covered=4.0), number=4),
    "warnings": part_only,
}
UNKNOWN = NO_ANSWER | NO_NUMBERS | PARTS


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_what_tempts_down_takes_nothing_away(rig: Rig, fault: Fault) -> None:
    rig.serves(**NOTHING)
    fault(rig)
    assert min(await decided(rig)) >= REPLICAS
    reading = rig.scaler.readings[KEY]
    assert reading.quality in {Reason.SIGNALS_MISSING, Reason.SIGNALS_STALE, Reason.PROMETHEUS_UNAVAILABLE}
    assert reading.message
    assert rig.scaler.measured[KEY].attainment_percent is None


@pytest.mark.parametrize("fault", (NO_ANSWER | NO_NUMBERS).values(), ids=(NO_ANSWER | NO_NUMBERS).keys())
async def test_what_tempts_up_adds_nothing(rig: Rig, fault: Fault) -> None:
    rig.serves(**FLOOD)
    fault(rig)
    assert await decided(rig, 10) == {REPLICAS}


async def test_replicas_that_are_not_seen_count_as_full(plans: dict[NamespacedName, DeploymentPlan]) -> None:
    """Three of four serve their part of the load: that is no reason to add any, nor to take the fourth for idle."""
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, plans)
        rig.serves(**STEADY)
        await rig.look(20)
        rig.serves(**{name: value * 3 / 4 for name, value in STEADY.items()})
        PARTS["one pod is not scraped"](rig)
        assert await decided(rig) == {REPLICAS}


async def test_a_flood_that_a_part_proves_is_answered(plans: dict[NamespacedName, DeploymentPlan]) -> None:
    """Independent evidence: those that are measured cannot do what they are asked for."""
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, plans)
        rig.serves(**STEADY)
        await rig.look(20)
        rig.serves(**FLOOD)
        PARTS["one pod is not scraped"](rig)
        assert max(await decided(rig, 10)) > REPLICAS


async def test_idle_shrinks_on_time(rig: Rig) -> None:
    rig.serves(**NOTHING)
    assert min(await decided(rig, int(600 / LOOK_SECONDS))) < REPLICAS
    assert rig.scaler.readings[KEY].quality is Reason.NO_TRAFFIC


async def test_idle_engines_have_no_latencies_and_that_is_no_fault(rig: Rig) -> None:
    rig.serves(**NOTHING)
    rig.prometheus.series[0].buckets = {"": "NaN", "+Inf": "NaN"}
    assert min(await decided(rig)) < REPLICAS


@pytest.mark.parametrize("name", sorted(NEEDED))
async def test_one_query_that_fails_keeps_the_others_from_concluding(
    plans: dict[NamespacedName, DeploymentPlan], name: str
) -> None:
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, with_all_bounds(plans), Rash())
        rig.serves(**NOTHING)
        refused = rig.scaler.queries(rig.plans).expressions[name]
        failing = fake.error(422, "query processing would load too many samples")
        server.answer = lambda text: failing(text) if text == refused else fake.success(server.samples(text))
        assert await decided(rig, 3) == {REPLICAS}
        assert rig.scaler.readings[KEY].quality is Reason.PROMETHEUS_UNAVAILABLE
        assert "too many samples" in rig.scaler.readings[KEY].message


def with_all_bounds(plans: dict[NamespacedName, DeploymentPlan]) -> dict[NamespacedName, DeploymentPlan]:
    slo = {"ttftMilliseconds": 2000, "tpotMilliseconds": 100, "e2eMilliseconds": 30000}
    return deployments(plans[KEY].desired_replicas, slo=slo)


@pytest.mark.parametrize("name", ["percentiles", "engines"])
async def test_what_is_only_shown_or_learned_from_may_fail(rig: Rig, name: str) -> None:
    rig.serves(**NOTHING)
    refused = rig.scaler.queries(rig.plans).expressions[name]
    failing, server = fake.error(), rig.prometheus
    server.answer = lambda text: failing(text) if text == refused else fake.success(server.samples(text))
    assert min(await decided(rig)) < REPLICAS


@pytest.mark.parametrize("fault", ["refuses", "hangs"])
async def test_a_server_that_does_not_answer(plans: dict[NamespacedName, DeploymentPlan], fault: str) -> None:
    """Over a real connection."""
    async with fake.running() as server, Prometheus(server.url, 0.6) as client:
        rig = Rig(server, client, plans, Rash())
        rig.serves(**NOTHING)
        if fault == "refuses":
            await server.stop()
        server.hangs = True
        assert await decided(rig, 2) == {REPLICAS}
        assert "does not answer" in rig.scaler.readings[KEY].message
        if fault == "refuses":
            await server.start()
        server.hangs = False
        assert await decided(rig, 1) == {1}, "it is known again, and nothing arrives"


async def test_a_restarted_operator_holds_until_it_has_seen_something(plans: dict[NamespacedName, DeploymentPlan]) -> None:
    server = FakePrometheus()
    server.past = fake.error(422, "no history")
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, plans)
        for load in (NOTHING, FLOOD):
            rig.restart()
            rig.serves(**load)
            assert await decided(rig, 2) == {REPLICAS}


async def test_a_prometheus_that_comes_back_empty_is_not_believed(rig: Rig) -> None:
    """It was away, and what it kept was lost: counters begin, flat, a moment ago."""
    rig.prometheus.answer = fake.text(503, "starting")
    await rig.look(4)
    rig.prometheus.answer = None
    rig.serves(**NOTHING)

    def grows(look: int) -> None:
        for values in rig.prometheus.series[0].pods.values():
            values["covered"] = float(look * LOOK_SECONDS / 15)

    assert {decision.replicas for decision in await rig.look(5, change=grows)} == {REPLICAS}
    assert "for less than the last 180 s" in rig.scaler.readings[KEY].message


async def test_no_direction_changes_under_metrics_that_flicker(plans: dict[NamespacedName, DeploymentPlan]) -> None:
    """Every other look is a fault: the number is as quiet as without."""
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, plans)
        rig.serves(**STEADY)
        await rig.look(20)
        faults = list((NO_ANSWER | NO_NUMBERS).values())

        def flicker(look: int) -> None:
            rig.prometheus.answer = None
            rig.serves(**STEADY)
            if look % 2:
                faults[look // 2 % len(faults)](rig)

        assert {d.replicas for d in await rig.look(2 * len(faults), change=flicker)} == {REPLICAS}


@pytest.mark.parametrize("seen", [{"up": 0.0}, {"vllm/age": 400.0}])
async def test_replicas_that_are_not_ready_need_not_be_measured(
    plans: dict[NamespacedName, DeploymentPlan], seen: dict[str, float]
) -> None:
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        rig = Rig(server, client, not_ready(plans))
        rig.serves(**STEADY)
        rig.prometheus.series[0].pods[rig.pods[-1]] = dict(seen)
        await rig.look()
        assert rig.scaler.readings[KEY].quality is Reason.SIGNALS_FRESH


def not_ready(plans: dict[NamespacedName, DeploymentPlan]) -> dict[NamespacedName, DeploymentPlan]:
    """The last replica has lost its readiness."""
    ((workload, replicas),) = plans[KEY].observed
    last = replicas.replicas[-1]
    waiting = replace(last, pods=tuple(replace(pod, ready=False) for pod in last.pods))
    observed = replace(replicas, replicas=(*replicas.replicas[:-1], waiting))
    return {KEY: replace(plans[KEY], observed=((workload, observed),))}

"""What the queries mean to a real Prometheus: one look at a fleet in which every deployment has a story of its own."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localcluster.build.programs import Programs
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.reading import SignalReading
from modelmatrix.signals.samples import gateway_rates
from modelmatrix.signals.vectors import Vector
from modelmatrix.telemetry.prometheus_client import Prometheus
from signals import backfilled_replicas as replicas
from signals.backfill import BackfilledSeries, growing
from signals.backfilled_replicas import Load
from signals.scenario import LONG_AGO, NAME, PodFactory, Scenario, queries
from signals.server import prometheus

pytestmark = pytest.mark.cluster

BUSY = Load(per_second=3.0, running=8.0, waiting=2.0, kv_usage=0.4, within=0.9)
IDLE = Load()
GATEWAY = "sum by (namespace, deployment) (rate(gateway_requests_total[1m]))"
SCENARIOS: dict[str, Scenario] = {}


Paint = Callable[[PodFactory], None]


def scenario(paint: Paint, **fields: object) -> str:
    """Register a scenario; its name is that of the namespace, too."""
    name = f"s{len(SCENARIOS)}"
    SCENARIOS[name] = Scenario(add_pods=paint, **fields)  # type: ignore[arg-type]  # fields of a scenario
    return name


def both(load: Load) -> Paint:
    def paint(to: PodFactory) -> None:
        for name in ("a", "b"):
            replicas.vllm(to.pod(name), load)

    return paint


@pytest.fixture(scope="module")
def vectors(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Vector]]:
    """One look at everything."""
    past = BackfilledSeries()
    for name, one in SCENARIOS.items():
        one.add_pods(PodFactory(past, name))
    past.add("gateway_requests_total", {"namespace": "s0", "deployment": NAME, "job": "gateway"}, growing(4.5))
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with prometheus(programs, folder, past) as url:
        yield asyncio.run(look(url))


async def look(url: str) -> dict[str, Vector]:
    async with Prometheus(url, 30) as client:
        asked = queries(SCENARIOS.values(), GATEWAY).expressions
        assert len(asked) <= 12
        return {name: await client.query(text) for name, text in asked.items()}


@pytest.fixture
def reading(vectors: Mapping[str, Vector], request: pytest.FixtureRequest) -> SignalReading:
    """The signals of the scenario that a test names."""
    name: str = request.param
    return SCENARIOS[name].read(vectors, name)


def about(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("reading", [name], indirect=True)


def told(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("reading", names, indirect=True)


STEADY = scenario(both(BUSY))


@about(STEADY)
def test_the_sums_of_a_steady_fleet(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert (reading.quality, reading.message) == (Reason.SIGNALS_FRESH, "2 replicas are measured")
    assert traffic is not None
    assert traffic.measured is None
    assert traffic.arrivals_per_second == pytest.approx(6.0)
    assert traffic.arrivals_per_second_long == pytest.approx(6.0)
    assert traffic.arrivals_per_second_fast == pytest.approx(6.0)
    assert (traffic.running, traffic.waiting) == (16.0, 4.0)
    assert traffic.kv_usage_ratio == pytest.approx(0.4)
    assert (traffic.input_tokens, traffic.output_tokens) == (pytest.approx(1000), pytest.approx(200))
    assert traffic.hit_ratio == pytest.approx(0.25)
    assert reading.age_seconds is not None
    assert 0 <= reading.age_seconds < 20


@about(STEADY)
def test_the_shares_within_the_slo(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert traffic is not None
    for share in (traffic.ttft, traffic.tpot, traffic.e2e):
        assert share is not None
        assert share.requests == pytest.approx(720)
        assert share.ratio == pytest.approx(0.9)
    assert reading.ttft_milliseconds == pytest.approx(1750, abs=5)
    assert reading.tpot_milliseconds == pytest.approx(75, abs=1)


@about(STEADY)
def test_the_middle_replica_of_a_pool(reading: SignalReading) -> None:
    """The pool of the series is the label of the target; here it is no pool of the deployment."""
    assert reading.engines == {}


def three_speeds(to: PodFactory) -> None:
    for name, running in (("a", 4.0), ("b", 10.0), ("c", 90.0)):
        load = Load(per_second=3.0, running=running, kv_usage=running / 100)
        replicas.vllm(to.pod(name, pool="vLLM"), load)


@about(scenario(three_speeds, replicas=dict.fromkeys("abc", LONG_AGO)))
def test_a_broken_replica_does_not_move_the_middle(reading: SignalReading) -> None:
    engine = reading.engines["vLLM"]
    assert engine.step_seconds == pytest.approx(0.02)
    assert (engine.running, engine.kv_usage_ratio) == (pytest.approx(10.0), pytest.approx(0.1))
    assert engine.prompt_tokens_per_second == pytest.approx(2250)


@about(scenario(both(IDLE)))
def test_idle_is_proven(reading: SignalReading) -> None:
    assert (reading.quality, reading.message) == (Reason.NO_TRAFFIC, "nothing arrives")
    assert reading.traffic is not None
    assert reading.traffic.is_idle
    assert reading.traffic.ttft is None
    assert reading.traffic.input_tokens == 0.0


def queue_builds_up(to: PodFactory) -> None:
    replicas.vllm(to.pod("a"), Load(per_second=2.0), num_requests_waiting=lambda second: 1000 + second)


@about(scenario(queue_builds_up, replicas={"a": LONG_AGO}))
def test_requests_that_only_wait_have_arrived_too(reading: SignalReading) -> None:
    assert reading.traffic is not None
    assert reading.traffic.arrivals_per_second == pytest.approx(3.0)


def two_monitors(to: PodFactory) -> None:
    for name in ("a", "b"):
        for job in ("modelmatrix", "somebody-elses"):
            replicas.vllm(to.pod(name, job=job), BUSY)


def data_parallel(to: PodFactory) -> None:
    half = Load(per_second=1.5, running=4.0, waiting=1.0, kv_usage=0.4, within=0.9)
    for name in ("a", "b"):
        for engine in ("0", "1"):
            replicas.vllm(to.pod(name), half, engine=engine)


def other_replicas_go(to: PodFactory) -> None:
    """Their samples end, and nothing tells that they have: as after a crash of Prometheus, or behind remote write."""
    both(BUSY)(to)
    replicas.vllm(to.pod("gone", last=-400.0), Load(per_second=50.0, running=99.0, waiting=99.0))
    replicas.vllm(to.pod("gone-lately", last=-200.0), Load(per_second=0.0, running=99.0, waiting=99.0))


@told(
    scenario(two_monitors),
    scenario(data_parallel),
    scenario(other_replicas_go),
)
def test_every_replica_counts_once(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert reading.quality is Reason.SIGNALS_FRESH
    assert traffic is not None
    assert traffic.arrivals_per_second == pytest.approx(6.0)
    assert (traffic.running, traffic.waiting) == (16.0, 4.0)
    assert traffic.kv_usage_ratio == pytest.approx(0.4)
    assert traffic.ttft is not None
    assert traffic.ttft.requests == pytest.approx(720)


def tensor_parallel(to: PodFactory) -> None:
    for name in ("a", "b"):
        replicas.sglang(to.pod(name), BUSY, ranks=4)


@about(scenario(tensor_parallel, engine="SGLang"))
def test_ranks_that_say_the_same_count_once(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert reading.quality is Reason.SIGNALS_FRESH
    assert traffic is not None
    assert (traffic.running, traffic.waiting, traffic.kv_usage_ratio) == (16.0, 4.0, pytest.approx(0.4))
    assert traffic.arrivals_per_second == pytest.approx(6.0)
    assert (traffic.input_tokens, traffic.hit_ratio) == (pytest.approx(1000), 0.0)
    assert traffic.ttft is not None
    assert traffic.ttft.ratio == pytest.approx(0.9)


def never_asked(to: PodFactory) -> None:
    for name in ("a", "b"):
        replicas.sglang(to.pod(name), IDLE, is_used=False)


@about(scenario(never_asked, engine="SGLang"))
def test_counters_that_appear_with_the_first_request_are_zero_before(reading: SignalReading) -> None:
    assert reading.quality is Reason.NO_TRAFFIC


def old_and_new(to: PodFactory) -> None:
    """A rolling upgrade: one replica has the names of before the renames, and one that shows both."""
    old = to.pod("a")
    replicas.vllm(old, BUSY, skip=("kv_cache_usage_perc", "request_time_per_output_token_seconds"))
    old.show("vllm:gpu_cache_usage_perc", 0.4, engine="0", model_name="m")
    both_names = to.pod("b")
    replicas.vllm(both_names, BUSY)
    both_names.show("vllm:gpu_cache_usage_perc", 99.0, engine="0", model_name="m")


@about(scenario(old_and_new))
def test_old_names_count_where_the_new_ones_are_not(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert (reading.quality, reading.message) == (Reason.SIGNALS_FRESH, "2 replicas are measured")
    assert traffic is not None
    assert traffic.kv_usage_ratio == pytest.approx(0.4)
    assert traffic.tpot is not None


def restarted(to: PodFactory) -> None:
    """One engine was restarted: its counters begin again, and what it had in hand is gone."""
    replicas.vllm(to.pod("a"), Load(per_second=3.0))
    fallen = lambda second: 50_000 + 3.0 * second if second < -45 else 3.0 * (second + 45)  # noqa: E731
    replicas.vllm(to.pod("b"), Load(per_second=3.0), request_success_total=fallen)


@about(scenario(restarted))
def test_a_counter_that_begins_again_is_no_burst(reading: SignalReading) -> None:
    assert reading.traffic is not None
    assert reading.traffic.arrivals_per_second_long == pytest.approx(6.0, rel=0.1)


def one_is_unseen(to: PodFactory) -> None:
    replicas.vllm(to.pod("a"), IDLE)


def one_is_down(to: PodFactory) -> None:
    one_is_unseen(to)
    to.pod("b").scraped(up=0.0, samples=0.0)


def one_says_it_otherwise(to: PodFactory) -> None:
    one_is_unseen(to)
    to.pod("b").scraped()
    to.pod("b").show("vllm:requests_in_the_queue", 0.0)


def one_lost_its_counter(to: PodFactory) -> None:
    one_is_unseen(to)
    replicas.vllm(to.pod("b"), IDLE, skip=("request_success_total",))


def one_lost_its_histogram(to: PodFactory) -> None:
    one_is_unseen(to)
    replicas.vllm(to.pod("b"), IDLE, skip=("time_to_first_token_seconds",))


def one_is_no_number(to: PodFactory) -> None:
    one_is_unseen(to)
    replicas.vllm(to.pod("b"), IDLE, num_requests_running=float("nan"))


def one_is_infinite(to: PodFactory) -> None:
    one_is_unseen(to)
    replicas.vllm(to.pod("b"), IDLE, num_requests_waiting=float("-inf"))


def a_counter_is_no_number(to: PodFactory) -> None:
    one_is_unseen(to)
    replicas.vllm(to.pod("b"), IDLE, request_success_total=float("nan"))


def the_past_is_short(to: PodFactory) -> None:
    """Prometheus was started anew, or was away: the counters were flat for as long as it knows."""
    for name in ("a", "b"):
        replicas.vllm(to.pod(name, first=-30.0), IDLE)


def a_foreign_pod(to: PodFactory) -> None:
    both(IDLE)(to)
    replicas.vllm(to.pod("copycat"), Load(per_second=100.0, running=200.0, waiting=500.0))


FOREIGN = scenario(a_foreign_pod)


def none_reports(_: PodFactory) -> None:
    """Nothing at all."""


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (scenario(one_is_unseen), r"1 of 2 ready replicas are not scraped by Prometheus \(b\)"),
        (scenario(none_reports), r"2 of 2 ready replicas are not scraped by Prometheus \(a, b\)"),
        (scenario(one_is_down), r"1 of 2 ready replicas cannot be scraped \(b\)"),
        (scenario(one_says_it_otherwise), r"1 of 2 ready replicas show no vllm:num_requests_waiting although .* image of vLLM"),
        (scenario(one_lost_its_counter), "1 of 2 replicas do not show vllm:request_success_total although"),
        (scenario(one_lost_its_histogram), "1 of 2 replicas do not show vllm:time_to_first_token_seconds although"),
        (scenario(one_is_no_number), "no usable number of running requests"),
        (scenario(one_is_infinite), "no usable number of waiting requests"),
        (scenario(a_counter_is_no_number), "no usable number of the arrivals of a minute"),
        (scenario(the_past_is_short), "2 of 2 ready replicas are known to Prometheus for less than the last 180 s"),
        (FOREIGN, r"not replicas of this deployment \(copycat\)"),
        (scenario(both(IDLE), replicas={"a": LONG_AGO, "c": LONG_AGO}, draining=1), r"not scraped by Prometheus \(c\)"),
    ],
    indirect=["reading"],
)
def test_what_is_missing_is_told_and_proves_nothing(reading: SignalReading, words: str) -> None:
    assert reading.quality is Reason.SIGNALS_MISSING
    assert re.search(words, reading.message), reading.message
    assert reading.traffic is None or reading.traffic.measured is not None, "a part must not look like all"


@about(scenario(both(IDLE), replicas={"a": 20.0, "b": None}))
def test_replicas_that_just_start_prove_nothing(reading: SignalReading) -> None:
    assert reading.quality is Reason.REPLICA_STARTING
    assert reading.traffic is not None
    assert reading.traffic.measured == 1


@about(FOREIGN)
def test_what_a_foreign_pod_reports_is_nobodys_traffic(reading: SignalReading) -> None:
    assert reading.traffic is None


def sglang_renames(to: PodFactory) -> None:
    replicas.sglang(to.pod("a"), BUSY)
    replicas.sglang(to.pod("b"), BUSY, counter="requests_total")


def tei_renames(to: PodFactory) -> None:
    replicas.tei(to.pod("a"), BUSY)
    replicas.tei(to.pod("b"), BUSY, counter="te_requests")


@pytest.mark.parametrize(
    ("reading", "name"),
    [
        (scenario(sglang_renames, engine="SGLang"), "sglang:num_requests_total"),
        (scenario(tei_renames, engine="TEI"), "te_request_count"),
    ],
    indirect=["reading"],
)
def test_a_counter_that_appears_with_the_first_request_and_is_renamed(reading: SignalReading, name: str) -> None:
    """It is no zero: the replica has finished requests, as another of its series tells."""
    assert reading.quality is Reason.SIGNALS_MISSING
    assert f"1 of 2 replicas do not show {name} although" in reading.message


def stopped(to: PodFactory) -> None:
    replicas.vllm(to.pod("a"), IDLE)
    replicas.vllm(to.pod("b", last=-100.0), IDLE)


@about(scenario(stopped))
def test_old_samples_are_stale(reading: SignalReading) -> None:
    assert reading.quality is Reason.SIGNALS_STALE
    assert "no sample of the last minute (b)" in reading.message
    assert reading.age_seconds is not None
    assert reading.age_seconds > 100


def all_stopped(to: PodFactory) -> None:
    for name in ("a", "b"):
        replicas.vllm(to.pod(name, last=-100.0), BUSY)


@about(scenario(all_stopped))
def test_a_prometheus_that_scrapes_no_more_knows_nothing(reading: SignalReading) -> None:
    assert reading.quality is Reason.SIGNALS_STALE
    assert reading.traffic is None


def young(to: PodFactory) -> None:
    replicas.vllm(to.pod("a"), BUSY)
    replicas.vllm(to.pod("b", first=-60.0), BUSY)


@about(scenario(young, replicas={"a": LONG_AGO, "b": 75.0}))
def test_a_young_replica_has_a_short_past(reading: SignalReading) -> None:
    assert reading.quality is Reason.SIGNALS_FRESH


@about(scenario(young, replicas={"a": LONG_AGO, "b": 30.0, "c": 5.0}))
def test_replicas_that_were_not_scraped_yet_are_not_behind_the_figures(reading: SignalReading) -> None:
    assert reading.quality is Reason.SIGNALS_FRESH
    assert reading.traffic is not None
    assert reading.traffic.measured == 2


def embedding(to: PodFactory) -> None:
    replicas.tei(to.pod("a"), BUSY)
    to.pod("b").scraped(samples=0.0)


@about(scenario(embedding, engine="TEI"))
def test_a_replica_that_was_never_asked_has_an_empty_page(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert reading.quality is Reason.SIGNALS_FRESH
    assert "ttft cannot be measured: TEI has no histogram of it" in reading.message
    assert traffic is not None
    assert traffic.arrivals_per_second == pytest.approx(3.0)
    assert (traffic.running, traffic.waiting, traffic.measured) == (0.0, 2.0, None)
    assert (traffic.input_tokens, traffic.output_tokens) == (pytest.approx(400), 0.0)
    assert (traffic.ttft, traffic.tpot) == (None, None)


def empty_pages(to: PodFactory) -> None:
    for name in ("a", "b"):
        to.pod(name).scraped(samples=0.0)


@about(scenario(empty_pages, engine="TEI"))
def test_empty_pages_prove_idleness_where_the_engine_has_them(reading: SignalReading) -> None:
    assert reading.quality is Reason.NO_TRAFFIC


def pages_of_another_kind(to: PodFactory) -> None:
    for name in ("a", "b"):
        to.pod(name).scraped(samples=40.0)


@told(scenario(pages_of_another_kind, engine="TEI"), scenario(empty_pages, engine="vLLM"))
def test_other_pages_prove_nothing(reading: SignalReading) -> None:
    assert reading.quality is Reason.SIGNALS_MISSING
    assert "although their targets are up" in reading.message


def llama(to: PodFactory) -> None:
    for name in ("a", "b"):
        replicas.llama_cpp(to.pod(name), BUSY)


@about(scenario(llama, engine="llama.cpp"))
def test_an_engine_that_counts_no_requests_is_counted_by_its_tokens(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert reading.quality is Reason.SIGNALS_FRESH
    assert "llama-cpp counts no requests: its load is counted in requests of 200 output tokens" in reading.message
    assert traffic is not None
    assert traffic.arrivals_per_second == pytest.approx(6.0)
    assert (traffic.input_tokens, traffic.output_tokens) == (pytest.approx(1000), pytest.approx(200))
    assert (traffic.ttft, traffic.tpot, traffic.e2e) == (None, None, None)


def two_engines(to: PodFactory) -> None:
    replicas.vllm(to.pod("a"), Load(per_second=3.0, running=8.0, kv_usage=0.4, within=1.0))
    replicas.mindie(to.pod("b"), Load(per_second=1.0, running=2.0, kv_usage=0.4, within=0.5))


@about(scenario(two_engines, engines={"b": "MindIE"}))
def test_engines_of_two_kinds_add_up(reading: SignalReading) -> None:
    traffic = reading.traffic
    assert reading.quality is Reason.SIGNALS_FRESH
    assert traffic is not None
    assert traffic.arrivals_per_second == pytest.approx(4.0)
    assert traffic.running == 10.0
    assert traffic.hit_ratio == pytest.approx((3 * 0.25 + 1 * 0.5) / 4)
    assert traffic.ttft is not None
    assert traffic.ttft.requests == pytest.approx(480)
    assert traffic.ttft.ratio == pytest.approx((360 + 60) / 480)


def test_a_gateway(vectors: Mapping[str, Vector]) -> None:
    assert gateway_rates(vectors, 1.0) == {NamespacedName("s0", NAME): pytest.approx(4.5)}


def test_a_look_has_no_warnings(vectors: Mapping[str, Vector]) -> None:
    assert {name: vector.warnings for name, vector in vectors.items() if vector.warnings} == {}

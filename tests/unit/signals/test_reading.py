from __future__ import annotations

from dataclasses import replace

import pytest

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.scaling.observation.observation import EngineReading
from modelmatrix.signals.reading import ExpectedTargets, SignalReading, read_signals
from modelmatrix.signals.samples import DeploymentSamples
from modelmatrix.signals.scrape_coverage import ReplicaTarget
from modelmatrix.signals.slo_buckets import counted_bounds

VLLM, MINDIE = builtin().dialects["vllm"], builtin().dialects["mindie"]
SLO = ServiceLevelObjective.model_validate({"ttftMilliseconds": 1000, "tpotMilliseconds": 50})
SUMS = {"vllm/short": 3.0, "vllm/long": 3.0, "vllm/fast": 3.0, "vllm/running": 8.0, "vllm/waiting": 1.0}


def leader(pod: str, ready_seconds: float | None = 3600.0) -> ReplicaTarget:
    return ReplicaTarget(pod, pod, "ascend-a", "vLLM-Ascend", VLLM, 3700.0, ready_seconds)


EXPECTED = ExpectedTargets(
    leaders=(leader("a"), leader("b")),
    draining=0,
    dialects={"ascend-a": VLLM},
    bounds=counted_bounds(builtin(), (("vLLM-Ascend", "vllm-ascend:v0.32.0"),), SLO),
    percentile=95,
)


def raw(**fields: float) -> DeploymentSamples:
    """All replicas are seen; further values by name."""
    seen = {"a": {"vllm/age": 3.0}, "b": {"vllm/age": 8.0}}
    return DeploymentSamples(values=SUMS | fields, pods=seen)


def reading(known: DeploymentSamples, expected: ExpectedTargets = EXPECTED, problem: str = "") -> SignalReading:
    return read_signals(known, expected, problem=problem, time_scale=1.0)


def test_a_good_reading() -> None:
    found = reading(raw(**{"vllm/ttft/95": 0.8123, "vllm/tpot/95": 0.0301, "vllm/ttft/99": 7.0}))
    assert (found.quality, found.message) == (Reason.SIGNALS_FRESH, "2 replicas are measured")
    assert (found.ttft_milliseconds, found.tpot_milliseconds, found.age_seconds) == (812, 30, 8.0)
    assert found.traffic is not None
    assert found.traffic.measured is None


@pytest.mark.parametrize("waiting", [0.0, 1.0])
def test_idle_is_nothing_at_all(waiting: float) -> None:
    found = reading(raw(**dict.fromkeys(SUMS, 0.0) | {"vllm/waiting": waiting}))
    assert found.quality is (Reason.SIGNALS_FRESH if waiting else Reason.NO_TRAFFIC)


def test_prometheus_as_a_whole_comes_first() -> None:
    found = reading(raw(), problem="it is away")
    assert (found.quality, found.message) == (Reason.PROMETHEUS_UNAVAILABLE, "it is away")
    assert found.traffic is not None
    assert found.traffic.measured == 2, "what is known all the same is a part"


def test_nobody_is_there() -> None:
    asleep = replace(EXPECTED, leaders=(), is_asleep=True)
    assert reading(DeploymentSamples(), asleep).quality is Reason.SCALED_TO_ZERO
    assert reading(DeploymentSamples(), asleep, problem="the gateway is away").quality is Reason.PROMETHEUS_UNAVAILABLE
    nobody = replace(EXPECTED, leaders=())
    assert (reading(DeploymentSamples(), nobody).quality, reading(DeploymentSamples(), nobody).traffic) == (
        Reason.REPLICA_STARTING,
        None,
    )


def test_young_replicas_report_already_but_prove_nothing() -> None:
    young = replace(EXPECTED, leaders=(leader("a", 20.0), leader("b", None)))
    found = reading(raw(), young)
    assert (found.quality, found.message) == (Reason.REPLICA_STARTING, "no replica has served long enough to be measured")
    assert found.traffic is not None
    assert found.traffic.measured == 1


def test_a_renamed_metric_is_named() -> None:
    known = raw()
    known.missing = {"vllm/kv_usage": 1.0}
    found = reading(known)
    assert found.quality is Reason.SIGNALS_MISSING
    assert found.message.startswith(
        "1 of 2 replicas do not show vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc although their targets are up: "
        "this image of vLLM-Ascend names its metrics otherwise"
    )


@pytest.mark.parametrize("missing", [{"mindie/waiting": 2.0}, {"vllm/kv_usage": 0.0}])
def test_what_others_lack_is_not_ours(missing: dict[str, float]) -> None:
    known = raw()
    known.missing = missing
    assert reading(known).quality is Reason.SIGNALS_FRESH


def test_what_cannot_be_measured_is_told_beside() -> None:
    bounds = counted_bounds(builtin(), (("llama.cpp", "llama.cpp:server"),), SLO)
    found = reading(raw(), replace(EXPECTED, bounds=bounds, remark="counts otherwise"))
    assert found.message == (
        "2 replicas are measured; ttft cannot be measured: llama.cpp has no histogram of it; "
        "tpot cannot be measured: llama.cpp has no histogram of it; counts otherwise"
    )
    assert found.bound_message == bounds.message


def test_a_bound_that_nothing_is_measured_against_is_told() -> None:
    known = raw()
    known.buckets = {("vllm/ttft", "+Inf"): 5.0, ("vllm/ttft", "1.0"): 5.0}
    assert reading(known).message == "2 replicas are measured", "the first request may still go on"
    known.buckets = {("vllm/ttft", "+Inf"): 100.0, ("vllm/ttft", "1.0"): 90.0}
    assert reading(known).message == "2 replicas are measured; no request was measured against tpot"
    known.buckets |= {("vllm/tpot", "+Inf"): 100.0, ("vllm/tpot", "0.05"): 90.0}
    assert reading(known).message == "2 replicas are measured"


def test_the_middle_replica_is_known_as_a_whole_or_not_at_all() -> None:
    known = raw()
    names = ("step", "running", "kv_usage", "computed")
    known.engines = {(f"vllm/{name}", "ascend-a"): 1.0 for name in names} | {("vllm/computed", "ascend-a"): -3.0}
    assert reading(known).engines == {
        "ascend-a": EngineReading(step_seconds=1.0, running=1.0, kv_usage_ratio=1.0, prompt_tokens_per_second=0.0)
    }
    del known.engines["vllm/kv_usage", "ascend-a"]
    assert reading(known).engines == {}


def test_replicas_of_another_engine_that_just_start_need_not_report() -> None:
    """A spill to another pool: its first replica serves, and has not been scraped."""
    other = ReplicaTarget("c", "c", "nvidia-a", "MindIE", MINDIE, 100.0, 10.0)
    found = reading(raw(), replace(EXPECTED, leaders=(*EXPECTED.leaders, other)))
    assert found.quality is Reason.SIGNALS_FRESH
    assert found.traffic is not None
    assert (found.traffic.arrivals_per_second, found.traffic.measured) == (3.0, 2)
    settled = other._replace(ready_seconds=3600.0)
    assert reading(raw(), replace(EXPECTED, leaders=(*EXPECTED.leaders, settled))).quality is Reason.SIGNALS_MISSING

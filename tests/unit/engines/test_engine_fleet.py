"""Engines and traffic over time, without any network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines.cluster.pods import PodKey, pod_view
from engines.engine_fleet import EngineFleet
from engines.profiles import ProfileFile
from engines.schedule import Schedule

PROFILES = ProfileFile.model_validate({"defaults": {"start_seconds": 60.0}})
CHAT = PodKey("bank", "chat-1")


@pytest.fixture
def world(tmp_path: Path) -> EngineFleet:
    return EngineFleet(PROFILES.profile_of, folder=tmp_path, unix_seconds=lambda: 1000.0)


def scheduled(rate: float = 0.0, *faults: dict[str, Any]) -> Schedule:
    traffic = {"bank/chat": {"rate_per_second": rate, "slo": {"ttft_seconds": 2.0, "tpot_seconds": 0.05}}}
    return Schedule.model_validate({"deployments": traffic, "faults": list(faults)})


def wanted(world: EngineFleet) -> dict[str, bool]:
    return {one.view.key.name: one.is_ready for one in world.readiness_changes()}


def run(world: EngineFleet, until: float, step: float = 1.0) -> None:
    while world.now < until:
        world.tick(min(until, world.now + step))


def start(world: EngineFleet, make_pod: Any, name: str = "chat-1", **changes: Any) -> None:
    """Bring an engine up at once: its pod was ready before we looked."""
    world.put_pod(pod_view(make_pod(name, ready=True, **changes)))
    world.tick(world.now)
    world.tick(world.now)


def test_an_engine_becomes_ready_after_its_start_up_time(world: EngineFleet, make_pod: Any) -> None:
    world.put_pod(pod_view(make_pod()))
    run(world, 59.0)
    assert wanted(world) == {}
    assert world.render(CHAT) is None
    run(world, 62.0)
    assert wanted(world) == {"chat-1": True}
    assert world.render(CHAT) is not None
    world.put_pod(pod_view(make_pod(ready=True)))
    assert wanted(world) == {}


def test_a_pod_that_does_not_run_does_not_start(world: EngineFleet, make_pod: Any) -> None:
    world.put_pod(pod_view(make_pod(phase="Pending")))
    run(world, 100.0)
    world.put_pod(pod_view(make_pod()))
    run(world, 150.0)
    assert wanted(world) == {}
    run(world, 165.0)
    assert wanted(world) == {"chat-1": True}


def test_a_pod_that_was_ready_before_is_served_at_once(world: EngineFleet, make_pod: Any) -> None:
    start(world, make_pod)
    assert world.render(CHAT) is not None
    assert wanted(world) == {}


def test_workers_are_ready_when_they_run_and_have_no_engine(world: EngineFleet, make_pod: Any) -> None:
    world.put_pod(pod_view(make_pod("chat-1-1", role="worker")))
    world.tick(1.0)
    assert wanted(world) == {"chat-1-1": True}
    assert world.render(PodKey("bank", "chat-1-1")) is None


def group(role: str) -> dict[str, Any]:
    labels = {"leaderworkerset.sigs.k8s.io/name": "chat", "leaderworkerset.sigs.k8s.io/group-index": "0"}
    return {"role": role, "labels": labels, "annotations": {"leaderworkerset.sigs.k8s.io/size": "2"}}


def test_a_leader_waits_for_its_group(world: EngineFleet, make_pod: Any) -> None:
    world.put_pod(pod_view(make_pod("chat-0", **group("leader"))))
    world.put_pod(pod_view(make_pod("chat-0-1", **group("worker"), phase="Pending")))
    run(world, 100.0)
    assert wanted(world) == {}
    world.put_pod(pod_view(make_pod("chat-0-1", **group("worker"), ready=True)))
    run(world, 155.0)
    assert wanted(world) == {}
    run(world, 165.0)
    assert wanted(world) == {"chat-0": True}


def test_requests_wait_for_a_ready_engine_and_are_spread_over_them(world: EngineFleet, make_pod: Any) -> None:
    world.set_schedule(scheduled(2.0))
    run(world, 50.0)
    door = world.gateways["bank/chat"]
    assert len(door.router.queue) == door.router.arrivals == pytest.approx(100, abs=30)
    start(world, make_pod, "chat-1")
    start(world, make_pod, "chat-2")
    run(world, 400.0, step=0.25)
    state = world.document()["bank/chat"]
    assert (state["ready"], state["waitingForEngine"]) == (2, 0)
    assert state["arrivals"] == pytest.approx(800, abs=100)
    assert state["total"]["ended"] + state["running"] + state["waiting"] == state["arrivals"]
    served = [engine.replica.telemetry.finished for engine in world.engines.values() if engine.replica]
    assert min(served) > 0.3 * sum(served)
    assert state["recent"]["attainmentPercent"] > 60
    assert state["total"]["attainmentPercent"] < 100


def test_clients_give_up(world: EngineFleet) -> None:
    world.set_schedule(Schedule.model_validate({"deployments": {"bank/chat": {"rate_per_second": 1, "timeout_seconds": 30}}}))
    run(world, 200.0)
    state = world.document()["bank/chat"]
    assert state["waitingForEngine"] == pytest.approx(30, abs=15)
    assert state["expired"] + state["waitingForEngine"] == state["arrivals"]
    assert state["total"]["attainmentPercent"] == 0


def test_a_terminating_engine_gets_no_more_and_finishes_what_it_has(world: EngineFleet, make_pod: Any) -> None:
    start(world, make_pod)
    world.set_schedule(scheduled(5.0))
    run(world, 30.0, step=0.5)
    world.put_pod(pod_view(make_pod(ready=True, terminating=True)))
    world.tick(30.1)
    engine = world.engines[CHAT]
    assert engine.replica is not None
    assert engine.replica.in_flight > 0
    run(world, 60.0)
    assert engine.replica.in_flight == 0
    assert len(world.gateways["bank/chat"].router.queue) > 100
    world.remove_pod(CHAT)
    assert (world.gateways["bank/chat"].lost, world.render(CHAT)) == (0, None)


def test_a_pod_that_vanishes_takes_its_requests_with_it(world: EngineFleet, make_pod: Any) -> None:
    start(world, make_pod)
    world.set_schedule(scheduled(5.0))
    run(world, 30.0, step=0.5)
    world.replace_pods([])
    state = world.document()["bank/chat"]
    assert state["engines"] == 0
    assert state["lost"] > 0
    assert state["total"]["ended"] == state["arrivals"]


def test_a_new_pod_of_the_same_name_is_a_new_engine(world: EngineFleet, make_pod: Any) -> None:
    start(world, make_pod)
    world.set_schedule(scheduled(5.0))
    run(world, 30.0, step=0.5)
    world.put_pod(pod_view(make_pod(uid="another")))
    assert world.render(CHAT) is None
    run(world, 95.0)
    assert wanted(world) == {"chat-1": True}


@pytest.mark.parametrize("target", [{"deployment": "bank/chat"}, {"pod": "bank/chat-1"}])
def test_readiness_faults(world: EngineFleet, make_pod: Any, target: dict[str, str]) -> None:
    start(world, make_pod)
    world.set_schedule(scheduled(5.0, {**target, "readiness": "lost"}))
    run(world, 10.0)
    assert wanted(world) == {"chat-1": False}
    assert len(world.gateways["bank/chat"].router.queue) > 20
    world.put_pod(pod_view(make_pod()))
    world.set_schedule(scheduled(5.0))
    run(world, 11.0)
    assert wanted(world) == {"chat-1": True}
    world.put_pod(pod_view(make_pod(ready=True)))
    run(world, 12.0)
    assert not world.gateways["bank/chat"].router.queue


def test_an_engine_that_never_becomes_ready(world: EngineFleet, make_pod: Any) -> None:
    world.set_schedule(scheduled(0.0, {"pod": "bank/chat-1", "readiness": "never"}))
    world.put_pod(pod_view(make_pod()))
    run(world, 500.0)
    assert wanted(world) == {}
    world.set_schedule(scheduled())
    run(world, 501.0)
    assert wanted(world) == {"chat-1": True}


def test_a_slow_engine_and_its_recovery(world: EngineFleet, make_pod: Any) -> None:
    def tpot() -> float:
        engine = world.engines[CHAT]
        assert engine.replica is not None
        seen = engine.replica.telemetry.inter_token
        before = seen.total, seen.count
        run(world, world.now + 60.0)
        world.render(CHAT)
        return (seen.total - before[0]) / (seen.count - before[1])

    start(world, make_pod)
    world.set_schedule(scheduled(1.0))
    run(world, 30.0)
    normal = tpot()
    world.set_schedule(scheduled(1.0, {"pod": "bank/chat-1", "alpha_factor": 3.0}))
    run(world, 120.0)
    assert tpot() > 2.5 * normal
    world.set_schedule(scheduled(1.0))
    run(world, 300.0)
    assert tpot() == pytest.approx(normal, rel=0.2)


def test_nan_is_a_fault_of_the_page(world: EngineFleet, make_pod: Any) -> None:
    start(world, make_pod)
    world.set_schedule(scheduled(0.0, {"pod": "bank/chat-1", "metrics": "nan"}))
    assert b"NaN" in (world.render(CHAT) or b"")


def test_a_bad_command_line_keeps_an_engine_from_starting(world: EngineFleet, make_pod: Any) -> None:
    world.put_pod(pod_view(make_pod(args=["--custom-histogram-buckets", '{"request_latency": []}'])))
    run(world, 200.0)
    assert wanted(world) == {}
    assert world.render(CHAT) is None


def test_an_unchanged_entry_goes_on_and_a_changed_one_begins_anew(world: EngineFleet, tmp_path: Path, make_pod: Any) -> None:
    rows = "".join(f"{second},10,5\n" for second in range(1000))
    (tmp_path / "trace.csv").write_text(f"second,input_tokens,output_tokens\n{rows}", encoding="utf-8")

    def traced(offset: float) -> Schedule:
        return Schedule.model_validate({"deployments": {"bank/chat": {"trace": "trace.csv", "offset_seconds": offset}}})

    start(world, make_pod)
    world.set_schedule(traced(0.0))
    run(world, 100.0)
    world.set_schedule(traced(0.0))
    run(world, 199.5)
    assert world.gateways["bank/chat"].router.arrivals == 200
    world.set_schedule(traced(990.0))
    run(world, 300.0)
    assert world.gateways["bank/chat"].router.arrivals == 210


def test_a_broken_trace_ends_the_traffic_and_says_so(
    world: EngineFleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "trace.csv").write_text("second,input_tokens,output_tokens\n1,10,5\n2,many,5\n", encoding="utf-8")
    world.set_schedule(Schedule.model_validate({"deployments": {"bank/chat": {"trace": "trace.csv"}}}))
    run(world, 10.0)
    assert world.gateways["bank/chat"].router.arrivals == 1
    assert "line 3: expected a number" in caplog.text


def test_a_step_has_room_for_all_running_requests(make_pod: Any, tmp_path: Path) -> None:
    profiles = ProfileFile.model_validate({"defaults": {"max_num_seqs": 10_000, "start_seconds": 1.0}})
    world = EngineFleet(profiles.profile_of, folder=tmp_path, unix_seconds=lambda: 0.0)
    world.put_pod(pod_view(make_pod()))
    run(world, 5.0)
    assert wanted(world) == {"chat-1": True}


def test_traffic_can_end(world: EngineFleet) -> None:
    world.set_schedule(scheduled(5.0))
    run(world, 10.0)
    world.set_schedule(Schedule())
    run(world, 20.0)
    state = world.document()["bank/chat"]
    assert state["waitingForEngine"] == 0
    assert state["expired"] == state["arrivals"]

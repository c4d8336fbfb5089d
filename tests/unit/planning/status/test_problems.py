"""Every state of a replica has a name: from what Kubernetes writes to condition, message, remedy, kstatus and event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, nodes, pool, problem
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.cluster.views.objects import workload_view
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.planning.snapshot.views import PodProblem, Stage, WorkloadView
from scenarios.changing import KEY, condition, edit, ready, world
from scenarios.world import World, rest
from unit.cluster.views.test_objects import REFUSED, workload
from unit.cluster.views.test_pod_problems import ENDED, FAILED, UNSCHEDULED, WAITING, container, problem_of

LATER_SECONDS = 90.0  # a minute has passed, a start has not


def starting(**fields: Any) -> World:
    """One replica whose pod has a node and does not serve yet."""
    state = world(deployment(**fields))
    state.starts = False
    state.apply(state.plan())
    state.step()
    return state


def with_problem(state: World, said: PodProblem, **fields: Any) -> World:
    """The same problem at the only pod, since it was made."""
    (item,) = state.workloads.values()
    item.pods = [replace(found, problem=replace(said, since_seconds=found.created_seconds), **fields) for found in item.pods]
    return state


def stored(state: World) -> Plan:
    """The plan whose status is stored; nothing is carried out."""
    made = state.plan()
    for key, status in made.statuses.items():
        state.deployments[key] = replace(state.deployments[key], status=status)
    return made


def warnings(made: Plan) -> list[tuple[str, str]]:
    return [(str(event.reason), event.message) for event in made.events if event.warning and event.action == "Serve"]


def assert_named(state: World, reason: str, words: str) -> None:
    """Named at once or after a minute, with words, remedy and kstatus; one Warning event; then silence."""
    state.now_seconds += LATER_SECONDS
    made = stored(state)
    found = condition(made, "Ready")
    info = TABLE[Reason(reason)]
    assert (found["status"], found["reason"]) == ("False", reason)
    assert words in found["message"]
    assert found["message"].endswith(info.remedy)
    assert "a start takes about" not in found["message"]
    progress = condition(made, "Stalled" if info.needs_person else "Reconciling")
    assert (progress["reason"], progress["message"]) == (reason, found["message"])
    assert not {"Stalled", "Reconciling"} - {progress["type"]} & {item["type"] for item in made.statuses[KEY]["conditions"]}
    assert found["observedGeneration"] == made.statuses[KEY]["observedGeneration"] == state.deployments[KEY].generation
    assert warnings(made) == [(reason, found["message"])]
    state.now_seconds += LATER_SECONDS / 10
    again = stored(state)
    assert again.statuses == made.statuses
    assert again.events == ()


@pytest.mark.parametrize(("word", "message", "reason"), WAITING)
def test_what_a_container_waits_for(word: str, message: str, reason: str) -> None:
    said = problem_of(**container(state={"waiting": {"reason": word, "message": message}}))
    assert said is not None
    assert_named(with_problem(starting(), said), reason, f"ascend-a: {word}: {message}" if message else word)


@pytest.mark.parametrize(("ended", "reason", "words"), ENDED)
def test_how_a_container_ended(ended: dict[str, Any], reason: str, words: str) -> None:
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=engine pod=p"}}
    said = problem_of(**container(state=back_off, lastState={"terminated": ended}, restartCount=1))
    assert said is not None
    assert_named(with_problem(starting(), said), reason, words)


@pytest.mark.parametrize(("word", "message", "reason"), FAILED)
def test_why_pods_failed(word: str, message: str, reason: str) -> None:
    said = problem_of(status={"phase": "Failed", "reason": word, "message": message})
    assert said is not None
    state = starting()
    (item,) = state.workloads.values()
    (live,) = item.pods
    item.pods.append(
        replace(
            live, uid="failed", leader=False, stage=Stage.FAILED, devices={}, problem=said, ended_seconds=live.created_seconds
        )
    )
    assert_named(state, reason, f"ascend-a: 1 pod failed: {word}")


@pytest.mark.parametrize(("word", "message", "reason"), UNSCHEDULED)
def test_why_a_pod_is_not_scheduled(word: str, message: str, reason: str) -> None:
    said = problem_of(
        spec={"nodeName": ""},
        status={"conditions": [{"type": "PodScheduled", "status": "False", "reason": word, "message": message}]},
    )
    assert said is not None
    state = with_problem(starting(), said, node="", bound_seconds=0.0, stage=Stage.CREATED)
    state.tainted = set(state.nodes)
    assert_named(state, reason, message)


@pytest.mark.parametrize(("message", "reason"), REFUSED)
def test_why_the_api_server_refuses_pods(message: str, reason: str) -> None:
    condition_ = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    view = workload_view(workload(status={"conditions": [condition_]}))
    assert view is not None
    words = message.replace('pods "c-x7" is forbidden', "pods are forbidden")
    _named_of_a_workload(reason, words, failure=view.failure)


def test_a_rollout_past_its_deadline_is_stalled() -> None:
    said = problem('ReplicaSet "c-7" has timed out progressing.', "ProgressDeadlineExceeded", "controller")
    _named_of_a_workload("ProgressDeadlineExceeded", said.message, overdue=said)


class ChangedWorkloads:
    """A world whose workloads show something else."""

    def __init__(self, state: World, **fields: Any) -> None:
        self.state, self.fields = state, fields

    def plan(self) -> Plan:
        """The plan, and its statuses stored."""
        snapshot = self.state.snapshot()
        made = plan(replace(snapshot, workloads=tuple(map(self._changed, snapshot.workloads))))
        for key, status in made.statuses.items():
            self.state.deployments[key] = replace(self.state.deployments[key], status=status)
        return made

    def _changed(self, view: WorkloadView) -> WorkloadView:
        return replace(view, **self.fields)


def _named_of_a_workload(reason: str, words: str, **fields: Any) -> None:
    state = starting()
    state.now_seconds += LATER_SECONDS
    changed = ChangedWorkloads(state, **fields)
    made = changed.plan()
    found = condition(made, "Ready")
    assert (found["status"], found["reason"]) == ("False", reason)
    assert f"ascend-a: {words}" in found["message"]
    assert condition(made, "Stalled" if TABLE[Reason(reason)].needs_person else "Reconciling")["reason"] == reason
    assert warnings(made) == [(reason, found["message"])]
    assert changed.plan().events == ()


def test_a_crash_whose_rollout_is_past_its_deadline_is_stalled() -> None:
    state = with_problem(starting(), problem("container engine ended with exit code 1"))
    state.now_seconds += LATER_SECONDS
    assert condition(stored(state), "Reconciling")["reason"] == "ReplicaFailing"
    said = problem("timed out", "ProgressDeadlineExceeded", "controller")
    assert condition(ChangedWorkloads(state, overdue=said).plan(), "Stalled")["reason"] == "ReplicaFailing"


def test_what_only_a_person_removes_is_stalled_after_a_minute_and_not_before() -> None:
    state = with_problem(starting(), problem('secret "keys" not found', "SecretMissing", "kubelet"))
    made = stored(state)
    assert (ready(made)[2], condition(made, "Reconciling")["reason"]) == ("SecretMissing", "SecretMissing")
    state.now_seconds += LATER_SECONDS
    assert condition(stored(state), "Stalled")["reason"] == "SecretMissing"


def test_a_pod_that_waits_a_moment_for_its_node_is_starting_and_quotes_the_scheduler() -> None:
    said = problem("0/1 nodes are available", "Unschedulable", "scheduler")
    state = with_problem(starting(), said, node="", bound_seconds=0.0)
    state.tainted = set(state.nodes)
    made = stored(state)
    assert ready(made)[2] == "ReplicaStarting"
    assert condition(made, "Ready")["message"].endswith("; 0/1 nodes are available")
    assert warnings(made) == []


def test_a_start_takes_about_so_long_only_while_that_is_true() -> None:
    state = starting()
    made = stored(state)
    assert "; a start takes about" in condition(made, "Ready")["message"]
    messages = set()
    for _ in range(60):
        state.now_seconds += 30.0
        messages.add((ready(stored(state))[2], condition(state.plan(), "Ready")["message"]))
    assert {reason for reason, _ in messages} == {"ReplicaStarting", "StartOverdue"}
    assert len(messages) == 2  # it changes once
    assert condition(state.plan(), "Reconciling")["reason"] == "StartOverdue"


def test_a_start_that_was_learned_to_be_long_is_not_overdue() -> None:
    state = starting()
    state.now_seconds += 1000.0
    snapshot = state.snapshot()
    assert ready(plan(snapshot))[2] == "StartOverdue"
    decision = ScaleDecision(1, Reason.STEADY, "", longest_start_seconds=1000.0)
    assert ready(plan(replace(snapshot, decisions={KEY: decision})))[2] == "ReplicaStarting"


def test_a_deployment_that_was_paused_by_hand_says_so_when_it_has_something_to_roll_out() -> None:
    state = world(deployment())
    state.apply(rest(state))
    assert ready(ChangedWorkloads(state, paused=True).plan())[1:] == ("True", "ReplicasReady")
    edit(state, maxModelLen=8192)
    state.apply(state.plan())
    made = ChangedWorkloads(state, paused=True).plan()
    assert ready(made) == (1, "False", "WorkloadPaused")
    assert "is paused (spec.paused)" in condition(made, "Stalled")["message"]


def test_a_workload_that_gets_no_pods_is_named_after_a_minute() -> None:
    state = world(deployment())
    state.apply(state.plan())
    stored(state)
    assert ready(state.plan())[2] == "ReplicaStarting"
    state.now_seconds += LATER_SECONDS
    made = stored(state)
    assert ready(made)[2] == "PodsMissing"
    assert "has no pods" in condition(made, "Stalled")["message"]


def test_pods_that_are_missing_for_a_moment_after_a_wake_are_starting() -> None:
    state = world(deployment(replicas=0))
    state.apply(rest(state))
    state.now_seconds += 3600.0
    edit(state, replicas=1)
    state.apply(state.plan())
    assert ready(state.plan())[2] == "ReplicaStarting"


def test_replicas_that_fail_on_one_pool_are_named_while_others_serve() -> None:
    state = world(deployment(replicas=3), pools=[pool()])
    state.apply(rest(state))
    (item,) = state.workloads.values()
    said = problem('secret "keys" not found', "SecretMissing", "kubelet")
    item.pods[0] = replace(item.pods[0], ready=False, stage=Stage.BOUND, problem=said)
    made = state.plan()
    assert ready(made) == (2, "False", "SecretMissing")
    message = condition(made, "Ready")["message"]
    assert message.startswith('2 of 3 replicas serve. ascend-a: secret "keys" not found. ')


def test_a_quota_alone_makes_no_older_replicas() -> None:
    state = world(deployment(replicas=3))
    state.apply(rest(state))
    (item,) = state.workloads.values()
    item.pods.pop()
    failed = problem("pods are forbidden: exceeded quota", "QuotaExceeded", "controller")
    made = ChangedWorkloads(state, failure=failed, rolling=True, outdated=True).plan()
    assert condition(made, "Ready")["message"].startswith("2 of 3 replicas serve. ascend-a: pods are forbidden")


def test_a_pool_whose_replicas_all_serve_is_not_named() -> None:
    pools, rooms = [pool(), pool(name="ascend-b")], (*nodes(1), *nodes(1, pool="ascend-b"))
    state = world(deployment(replicas=9, pools=["ascend-a", "ascend-b"]), pools=pools, there=rooms)
    state.apply(rest(state))
    for item in state.workloads.values():
        item.pods = [replace(found, ready=item.view.pool == "ascend-a") for found in item.pods]
    failed = problem("pods are forbidden: exceeded quota", "QuotaExceeded", "controller")
    snapshot = state.snapshot()
    workloads = [replace(view, failure=failed if view.pool == "ascend-a" else None) for view in snapshot.workloads]
    made = plan(replace(snapshot, workloads=tuple(workloads)))
    assert ready(made)[1:] == ("False", "ReplicaStarting")
    assert "exceeded quota" not in condition(made, "Ready")["message"]


def test_a_missing_device_is_one_event_although_two_conditions_say_it() -> None:
    made = world(deployment(replicas=50)).plan()
    assert (condition(made, "Ready")["reason"], condition(made, "Placed")["reason"]) == ("InsufficientDevices",) * 2
    assert [str(event.reason) for event in made.events if event.warning] == ["InsufficientDevices"]


def test_a_pause_is_not_the_cause_of_a_pod_that_restarts() -> None:
    state = world(deployment())
    state.apply(rest(state))
    (item,) = state.workloads.values()
    item.pods[0] = replace(item.pods[0], ready=False, stage=Stage.STARTED)
    assert ready(ChangedWorkloads(state, paused=True).plan())[2] == "ReplicaStarting"


def test_a_new_workload_of_a_deployment_that_has_long_not_been_ready_has_a_minute_for_its_pods() -> None:
    state = starting()
    stored(state)
    state.now_seconds += 3600.0
    (item,) = state.workloads.values()
    item.pods.clear()
    assert ready(ChangedWorkloads(state, created_seconds=state.now_seconds - 10.0).plan())[2] == "ReplicaStarting"
    assert ready(ChangedWorkloads(state, created_seconds=state.now_seconds - 70.0).plan())[2] == "PodsMissing"


def test_pods_that_still_terminate_are_not_missing() -> None:
    state = starting()
    stored(state)
    state.now_seconds += LATER_SECONDS
    (item,) = state.workloads.values()
    item.pods = [replace(found, deleting=True, stage=Stage.DRAINING) for found in item.pods]
    assert ready(state.plan())[2] == "ReplicaStarting"


def test_of_several_pools_the_one_that_needs_a_person_comes_first() -> None:
    pools = [pool(), pool(name="ascend-b")]
    state = world(
        deployment(replicas=9, pools=["ascend-a", "ascend-b"]), pools=pools, there=(*nodes(1), *nodes(1, pool="ascend-b"))
    )
    state.apply(rest(state))
    words = {"ascend-a": problem("timed out", "ImagePullFailing"), "ascend-b": problem("no keys", "SecretMissing")}
    for item in state.workloads.values():
        item.pods = [replace(found, ready=False, problem=words[item.view.pool]) for found in item.pods]
    made = state.plan()
    found = condition(made, "Ready")
    assert found["reason"] == "SecretMissing"
    expected = f". ascend-b: no keys. ascend-a: timed out. {TABLE[Reason.SECRET_MISSING].remedy}"
    assert found["message"].endswith(expected)


def test_a_group_with_a_part_of_its_pods_is_named_after_a_minute() -> None:
    state = world(deployment(model="DeepSeek-R1"), there=nodes(4))
    state.starts = False
    state.apply(state.plan())
    state.step()
    (item,) = state.workloads.values()
    assert item.view.nodes_per_replica > 1
    item.pods = [found for found in item.pods if found.leader]
    assert ready(stored(state))[2] == "ReplicaStarting"
    state.now_seconds += 61.0
    made = stored(state)
    assert ready(made)[2] == "PodsMissing"
    assert "only a part of a group's pods is made" in condition(made, "Placed")["message"]
    assert stored(state).statuses == made.statuses


def test_a_group_that_lacks_pods_beside_one_that_serves_is_named() -> None:
    state = world(deployment(model="DeepSeek-R1", replicas=2), there=nodes(8))
    state.apply(rest(state))
    (item,) = state.workloads.values()
    item.pods = [found for found in item.pods if found.leader or found.group != "0"]
    state.now_seconds += LATER_SECONDS
    made = stored(state)
    assert ready(made) == (1, "False", "PodsMissing")
    assert "a group of LeaderWorkerSet" in condition(made, "Ready")["message"]


def test_pods_that_a_webhook_refuses_are_not_missing_as_well() -> None:
    state = world(deployment())
    state.apply(state.plan())
    stored(state)
    state.now_seconds += LATER_SECONDS
    refused = problem('failed calling webhook "w.io"', "WebhookFailing", "controller")
    assert condition(ChangedWorkloads(state, failure=refused).plan(), "Reconciling")["reason"] == "WebhookFailing"


def test_pods_that_vanish_from_a_deployment_that_was_ready_are_not_missing_yet() -> None:
    state = world(deployment())
    state.apply(rest(state))
    (item,) = state.workloads.values()
    item.pods.clear()
    state.now_seconds += 3600.0
    assert ready(state.plan())[2] == "ReplicaStarting"


def test_long_words_are_cut_so_that_the_remedy_is_read() -> None:
    message = condition(stored(with_problem(starting(), problem("x" * 2000))), "Ready")["message"]
    assert message.endswith(f"{'x' * 20}.... {TABLE[Reason.REPLICA_FAILING].remedy}")


def test_missing_devices_do_not_hide_why_the_other_replicas_fail() -> None:
    state = world(deployment(replicas=9))
    state.apply(state.plan())
    state.step()
    (item,) = state.workloads.values()
    said = problem('secret "keys" not found', "SecretMissing", "kubelet")
    item.pods = [replace(found, ready=False, problem=said) for found in item.pods]
    state.now_seconds += LATER_SECONDS
    made = state.plan()
    assert ready(made)[2] == condition(made, "Reconciling")["reason"] == "InsufficientDevices"
    assert condition(made, "Ready")["message"].endswith('ascend-a: secret "keys" not found')


def test_a_status_says_which_edit_it_has_observed() -> None:
    """For kubectl wait and GitOps tools: of a deployment and of a pool, in the status and in each condition."""
    state = world(deployment(), pools=[replace(pool(), generation=7)])
    for generation in (12, 13):
        state.deployments[KEY] = replace(state.deployments[KEY], generation=generation)
        made = stored(state)
        for status, expected in ((made.statuses[KEY], generation), (made.pool_statuses["ascend-a"], 7)):
            assert status["observedGeneration"] == expected
            assert {item["observedGeneration"] for item in status["conditions"]} == {expected}


def test_a_placement_is_an_event_and_no_warning() -> None:
    placed = world(deployment()).plan()
    assert [(str(event.reason), event.warning) for event in placed.events] == [("Placed", False)]

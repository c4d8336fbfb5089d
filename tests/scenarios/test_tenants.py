"""State in, plan out: what TenantPolicies change for the tenants, and what they never change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import deployment, namespace, node, nodes, pod, policy, pool
from modelmatrix.api.conditions import find_condition
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings, TenantDefaults
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, TenantPolicyView
from scenarios.fleets import worlds
from scenarios.world import World, rest

STRICT = PlanSettings(tenancy=TenantDefaults(Priority.P2, CustomCode.REFUSE, ("weights-*",)))
READER = {"secret": "weights-reader"}
CHAT, OTHER = NamespacedName("bank", "assistant"), NamespacedName("desk", "trader")


def world(*views: DeploymentView, policies: tuple[TenantPolicyView, ...] = (), **fields: Any) -> World:
    """One pool of one node with eight devices; a replica takes one device, by default."""
    there = fields.pop("there", nodes(1))
    return World(
        deployments={view.key: view for view in views},
        pools={view.name: view for view in fields.pop("pools", (pool(),))},
        nodes={view.name: view for view in there},
        policies={view.name: view for view in policies},
        **fields,
    )


def state(made: Plan, key: NamespacedName, kind: str) -> tuple[str, str]:
    condition = find_condition(made.statuses[key], kind)
    return (condition["status"], condition["reason"]) if condition else ("", "")


def message(made: Plan, key: NamespacedName, kind: str) -> str:
    condition = find_condition(made.statuses[key], kind)
    return str(condition["message"]) if condition else ""


def trader(**fields: Any) -> DeploymentView:
    return deployment(name="trader", namespace="desk", **fields)


def test_a_p0_of_a_namespace_without_a_policy_takes_nothing_from_a_p2() -> None:
    estate = world(deployment(priority="P2", replicas=8), settings=STRICT)
    rest(estate)
    estate.deployments[OTHER] = trader(priority="P0", replicas=1000)
    made = rest(estate)
    assert made.statuses[CHAT]["readyReplicas"] == 8
    assert state(made, OTHER, "WithinPolicy") == ("False", "PriorityCapped")
    assert "create a TenantPolicy for the namespace with highestPriority: P0" in message(made, OTHER, "WithinPolicy")


def test_a_policy_gives_the_priority_back_and_its_pods_the_class() -> None:
    estate = world(trader(priority="P0"), policies=(policy(namespaces=["desk"], highestPriority="P0"),), settings=STRICT)
    made = rest(estate)
    assert state(made, OTHER, "WithinPolicy") == ("", "")
    (workload,) = estate.workloads.values()
    assert workload.spec["template"]["spec"]["priorityClassName"] == "modelmatrix-p0"


def test_a_capped_deployment_serves_on_with_the_class_that_counts() -> None:
    estate = world(trader(priority="P0"), settings=STRICT)
    made = rest(estate)
    assert state(made, OTHER, "Ready") == ("True", "ReplicasReady")
    (workload,) = estate.workloads.values()
    assert workload.spec["template"]["spec"]["priorityClassName"] == "modelmatrix-p2"


def test_raising_the_priority_is_no_advice_for_one_that_is_capped() -> None:
    estate = world(
        deployment(priority="P1"),
        trader(priority="P0", replicas=8),
        policies=(policy(name="desk", namespaces=["desk"], highestPriority="P0"),),
        settings=STRICT,
    )
    made = rest(estate)
    assert state(made, CHAT, "Placed")[0] == "False"
    assert "raise spec.priority" not in message(made, CHAT, "Placed")


def test_what_a_policy_does_not_allow_is_denied_on_that_pool_only() -> None:
    estate = world(
        deployment(pools=("ascend-a", "ascend-b")),
        policies=(policy(name="branches", pools=["ascend-b"]),),
        pools=(pool(), pool(name="ascend-b")),
        there=(*nodes(1), node(name="b", pool="ascend-b")),
    )
    made = rest(estate)
    verdicts = [(c["pool"], c["verdict"], c["reason"]) for c in made.statuses[CHAT]["candidates"]]
    assert verdicts == [("ascend-a", "Impossible", "PolicyDenied"), ("ascend-b", "Fits", "Placed")]
    assert made.statuses[CHAT]["placementSummary"] == "ascend-b/W8A8:1"


@pytest.mark.parametrize(
    "fields",
    [
        {"pools": ["elsewhere"]},
        {"models": ["glm*"]},
        {"sources": ["oci://registry.bank.local/"]},
        {"claimNames": ["other"]},
        {"secretNames": []},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_tightened_policy_ends_nothing_that_serves_and_adds_nothing(fields: dict[str, Any]) -> None:
    estate = world(deployment(replicas=2, **READER))
    rest(estate)
    before = [pod.uid for pod in estate.pods]
    estate.policies["tight"] = policy(name="tight", **fields)
    view = estate.deployments[CHAT]
    assert view.spec is not None
    estate.deployments[CHAT] = replace(view, spec=view.spec.model_copy(update={"replicas": 3}))
    made = rest(estate)
    assert [pod.uid for pod in estate.pods] == before
    assert state(made, CHAT, "Ready") == ("False", "PolicyDenied")
    assert state(made, CHAT, "Stalled") == ("True", "PolicyDenied")
    assert "TenantPolicy tight" in message(made, CHAT, "Placed")


def test_a_model_with_code_of_its_own_is_named_and_allowed_by_a_policy() -> None:
    estate = world(deployment(model="glm-4-9b-chat", quantization="BF16"), settings=STRICT)
    assert "customCode: Allow" in message(rest(estate), CHAT, "Placed")
    estate.policies["lab"] = policy(name="lab", customCode="Allow")
    assert state(rest(estate), CHAT, "Ready") == ("True", "ReplicasReady")


def test_a_quota_bounds_what_all_namespaces_of_the_tenant_have() -> None:
    limited = policy(name="unit", devices=[{"max": 5}])
    estate = world(deployment(replicas=3, priority="P1"), trader(replicas=4), policies=(limited,))
    made = rest(estate)
    assert made.statuses[CHAT]["readyReplicas"] == 3
    assert made.statuses[OTHER]["readyReplicas"] == 2
    assert state(made, OTHER, "Placed") == ("False", "TenantQuotaExceeded")
    assert message(made, OTHER, "Placed") == (
        "2 of 4 replicas find no devices. ascend-a: a replica needs 1 device, TenantPolicy unit allows 5 devices and fewer "
        "are left; lower what its namespaces use, or have an admin raise spec.devices[0].max"
    )
    (candidate,) = made.statuses[OTHER]["candidates"]
    assert (candidate["verdict"], candidate["reason"]) == ("NoCapacity", "TenantQuotaExceeded")
    assert made.policy_statuses["unit"]["devices"] == [{"max": 5, "used": 5}]


def test_nothing_gives_way_for_what_a_quota_refuses() -> None:
    limited = policy(name="desk", namespaces=["desk"], highestPriority="P0", devices=[{"priority": "P0", "max": 2}])
    estate = world(deployment(replicas=8, priority="P3"), policies=(limited,))
    rest(estate)
    estate.deployments[OTHER] = trader(priority="P0", replicas=1000)
    made = rest(estate)
    assert (made.statuses[CHAT]["readyReplicas"], made.statuses[OTHER]["readyReplicas"]) == (6, 2)
    assert not made.deployments[CHAT].evicted
    assert not [pod for pod in estate.pods if pod.marked]


def test_a_lowered_quota_keeps_what_serves_and_says_so() -> None:
    estate = world(deployment(replicas=4), policies=(policy(name="unit", devices=[{"max": 4}]),))
    rest(estate)
    before = [pod.uid for pod in estate.pods]
    estate.policies["unit"] = policy(name="unit", devices=[{"max": 1}])
    made = rest(estate)
    assert [pod.uid for pod in estate.pods] == before
    assert state(made, CHAT, "Ready") == ("True", "ReplicasReady")
    assert state(made, CHAT, "WithinPolicy") == ("False", "TenantQuotaExceeded")
    assert "what serves stays" in message(made, CHAT, "WithinPolicy")
    condition = find_condition(made.policy_statuses["unit"], "Ready") or {}
    assert (condition["status"], condition["reason"]) == ("False", "TenantQuotaExceeded")
    assert condition["message"].startswith("4 devices count against spec.devices[0].max of 1: what serves stays")


def test_what_serves_of_an_impossible_deployment_counts_too() -> None:
    estate = world(deployment(replicas=3), policies=(policy(name="unit", devices=[{"max": 4}]),))
    rest(estate)
    view = estate.deployments[CHAT]
    assert view.spec is not None
    model = view.spec.model.model_copy(update={"name": "Unheard-of"})
    estate.deployments[CHAT] = replace(view, spec=view.spec.model_copy(update={"model": model}))
    estate.deployments[OTHER] = trader(replicas=4)
    made = rest(estate)
    assert made.statuses[OTHER]["readyReplicas"] == 1
    assert made.policy_statuses["unit"]["devices"] == [{"max": 4, "used": 4}]


def test_replicas_that_wait_for_devices_do_not_outgrow_a_quota_when_devices_come() -> None:
    estate = world(deployment(replicas=4), policies=(policy(name="unit", devices=[{"max": 8}]),), starts=False, tainted={"x"})
    estate.nodes = {"x": node(name="x")}
    for _ in range(3):
        estate.apply(estate.plan())
        estate.step()
    estate.policies["unit"] = policy(name="unit", devices=[{"max": 2}])
    estate.apply(estate.plan())
    (workload,) = estate.workloads.values()
    assert workload.spec["replicas"] == 2


def test_replicas_that_find_no_devices_wait_within_the_quota_too() -> None:
    estate = world(deployment(replicas=4), trader(replicas=4), starts=False, tainted={"x"})
    estate.nodes = {"x": node(name="x")}
    for _ in range(3):
        estate.apply(estate.plan())
        estate.step()
    guest = pod(name="guest", namespace="others", node="x", devices=8)
    estate.foreign = {guest.key: guest}
    assert sum(workload.spec["replicas"] for workload in estate.workloads.values()) == 8
    estate.policies["unit"] = policy(name="unit", devices=[{"max": 3}])
    estate.apply(estate.plan())
    left = [workload.spec["replicas"] for workload in estate.workloads.values() if not workload.deleting]
    assert sum(left) == 3, "the scheduler may bind each of them at any time"


def test_a_move_to_another_format_keeps_serving_what_a_lowered_quota_allows_no_more() -> None:
    estate = world(deployment(replicas=3), policies=(policy(name="unit", devices=[{"max": 2}]),), there=nodes(2))
    estate.policies = {}
    rest(estate)
    estate.policies["unit"] = policy(name="unit", devices=[{"max": 2}])
    estate.deployments[CHAT] = deployment(replicas=3, quantization="BF16")
    made = rest(estate)
    assert made.statuses[CHAT]["readyReplicas"] == 3, "one new replica of two devices, and old ones for the other two"


def test_tenant_and_cost_center_come_from_the_namespace() -> None:
    decides = policy(name="all", tenant={"fromNamespaceLabel": "unit"}, costCenter={"value": "4711"})
    estate = world(
        deployment(tenant="someone-else", costCenter="0001"), policies=(decides,), namespaces={"bank": namespace(unit="retail")}
    )
    made = rest(estate)
    (workload,) = estate.workloads.values()
    labels = workload.stored["metadata"]["labels"]
    assert (labels["modelmatrix.io/tenant"], labels["modelmatrix.io/cost-center"]) == ("retail", "4711")
    assert state(made, CHAT, "WithinPolicy") == ("False", "TenantOverridden")


def test_a_deployment_that_was_displaced_reads_no_names_of_another_tenant() -> None:
    policies = (policy(name="bank", namespaces=["bank"]), policy(name="desk", namespaces=["desk"], highestPriority="P0"))
    estate = world(deployment(replicas=8, priority="P2"), policies=policies)
    rest(estate)
    estate.deployments[OTHER] = trader(priority="P0", replicas=2)
    made = rest(estate)
    status = made.statuses[CHAT]
    assert state(made, CHAT, "Placed") == ("False", "Displaced")
    assert message(made, CHAT, "Placed").startswith("2 replicas gave way: 2 to a deployment of another tenant.")
    assert [entry["replicas"] for entry in status["displacedBy"]] == [2], "the plans after it still know to whom"
    assert "trader" not in str(status)
    assert "desk" not in str(status)
    estate.policies["bank"] = policy(name="bank", namespaces=["bank"], showOtherTenants=True)
    shown = rest(estate).statuses[CHAT]
    assert shown["displacedBy"] == [{"namespace": "desk", "name": "trader", "replicas": 2}]


def test_replicas_that_give_way_count_no_more_from_that_plan_on() -> None:
    policies = (policy(name="bank", namespaces=["bank"], devices=[{"max": 8}]), policy(name="desk", namespaces=["desk"]))
    estate = world(deployment(replicas=8, priority="P2"), policies=policies)
    rest(estate)
    estate.deployments[OTHER] = trader(priority="P0", replicas=1)
    made = estate.plan()
    lost = len(made.deployments[CHAT].evicted)
    assert lost == 1
    assert made.policy_statuses["bank"]["devices"] == [{"max": 8, "used": 7}]


def test_an_admins_mistakes_are_named_in_the_policys_status() -> None:
    mistaken = policy(name="a", pools=["ascend-x", "ascend-*"], devices=[{"max": 1, "accelerator": "910x"}])
    rivals = (policy(name="b", tenant={"value": "one"}), policy(name="c", tenant={"value": "two"}))
    made = world(deployment(), policies=(mistaken, *rivals, policy(name="d", spec=None))).plan()
    ready = {name: find_condition(status, "Ready") or {} for name, status in made.policy_statuses.items()}
    assert {name: condition["reason"] for name, condition in ready.items()} == {
        "a": "PoolNotFound",
        "b": "PolicyConflict",
        "c": "PolicyConflict",
        "d": "Misconfigured",
    }
    assert ready["a"]["message"] == (
        "spec.pools: no AcceleratorPool is named ascend-x; create it or correct the name. "
        "spec.devices[0].accelerator 910x is not in the catalogue: nothing is counted"
    )
    assert ready["c"]["message"] == (
        "spec.tenant of TenantPolicy b differs for namespace bank; that of b counts: have one of them decide"
    )
    assert {event.reason for event in made.events if event.kind.kind == "TenantPolicy"} == {
        condition["reason"] for condition in ready.values()
    }


def without_policies(state: World) -> World:
    return World(state.deployments, state.pools, state.nodes, state.foreign, leader_worker_sets=state.leader_worker_sets)


@given(worlds())
def test_a_policy_allows_no_pool_and_no_priority_that_is_not_allowed_without_it(state: World) -> None:
    made, free = state.plan(), without_policies(state).plan()
    for key, deployment_plan in made.deployments.items():
        other = free.deployments[key]
        assert {option.pool for option in deployment_plan.fitting} <= {option.pool for option in other.fitting}
        if deployment_plan.spec and other.spec:
            assert deployment_plan.spec.priority.rank >= other.spec.priority.rank


@given(worlds(sane=True, most=1))
def test_a_deployment_alone_is_never_placed_more_with_a_policy_than_without(state: World) -> None:
    made, free = state.plan(), without_policies(state).plan()
    for key, deployment_plan in made.deployments.items():
        assert deployment_plan.placed <= free.deployments[key].placed


@given(worlds(sane=True))
@settings(max_examples=60)
def test_no_quota_is_passed_by_what_is_placed(state: World) -> None:
    made = rest(state)
    for status in made.policy_statuses.values():
        assert all(limit["used"] <= limit["max"] for limit in status["devices"])


@given(worlds(sane=True), st.sampled_from([0, 1, 5]))
@settings(max_examples=60)
def test_a_new_quota_ends_nothing_that_serves(state: World, most: int) -> None:
    state.policies = {}
    rest(state)
    serving = {pod.uid for pod in state.pods if pod.ready}
    state.policies["late"] = policy(name="late", devices=[{"max": most}])
    rest(state)
    assert serving <= {pod.uid for pod in state.pods if pod.ready}

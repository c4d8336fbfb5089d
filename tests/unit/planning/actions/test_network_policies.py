"""NetworkPolicies of deployments: made and mended like Services, taken away when the setting is off, nobody else's touched."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import deployment, nodes, pool
from modelmatrix.api import names
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete
from modelmatrix.planning.rendering.network_policy import network_policy_template
from modelmatrix.planning.rendering.workload_target import Owner
from modelmatrix.planning.rendering.workloads import RenderingCache
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName
from scenarios.world import World, rest

OPEN = PlanSettings(open_ports=())
KEY = NamespacedName("bank", "assistant-engine")
Manifest = dict[str, Any]


def world(*views: DeploymentView, settings: PlanSettings = OPEN) -> World:
    there = views or (deployment(),)
    return World(
        deployments={view.key: view for view in there},
        pools={"ascend-a": pool()},
        nodes={view.name: view for view in nodes(1)},
        settings=settings,
    )


def of_policies(site: World) -> list[Action]:
    return [action for action in site.plan().actions if action.kind is names.NETWORK_POLICIES]


def policy(*open_ports: int) -> Manifest:
    (action,) = of_policies(world(settings=PlanSettings(open_ports=open_ports)))
    assert isinstance(action, Create)
    return dict(action.manifest)


def test_the_manifest(golden: Any) -> None:
    golden("rendering/network-policy", policy())


def test_only_api_and_metrics_are_open_to_all_and_all_is_to_pods_of_the_deployment() -> None:
    spec = policy()["spec"]
    assert spec["policyTypes"] == ["Ingress"], "what engines may reach is not its affair"
    everybody, own = spec["ingress"]
    assert [port["port"] for port in everybody["ports"]] == ["http", "metrics"]
    assert "from" not in everybody
    assert own == {"from": [{"podSelector": spec["podSelector"]}]}


def test_further_ports_are_open_where_the_setting_says_so() -> None:
    assert [port["port"] for port in policy(15008)["spec"]["ingress"][0]["ports"]] == ["http", "metrics", 15008]


def test_it_selects_every_pod_of_the_deployment() -> None:
    site = world(deployment(model="DeepSeek-R1"))
    site.nodes.update({view.name: view for view in nodes(2)})
    rest(site)
    selected = site.network_policies[KEY]["spec"]["podSelector"]["matchLabels"]
    (workload,) = site.workloads.values()
    groups = workload.spec["leaderWorkerTemplate"]
    for template in (groups["leaderTemplate"], groups["workerTemplate"]):
        assert selected.items() <= template["metadata"]["labels"].items()


def test_it_is_made_once_and_nothing_is_left_to_do() -> None:
    site = world()
    rest(site)
    assert site.network_policies.keys() == {KEY}
    assert of_policies(site) == []


@pytest.mark.parametrize("edit", ["ports", "selector", "more"])
def test_what_somebody_opens_is_closed_again(edit: str) -> None:
    site = world()
    rest(site)
    edited = deepcopy(site.network_policies[KEY])
    spec = edited["spec"]
    if edit == "ports":
        spec["ingress"][0]["ports"][0]["port"] = "management"
    elif edit == "selector":
        spec["podSelector"] = {"matchLabels": {"other": "pods"}}
    else:
        spec["ingress"].append({})
    site.network_policies[KEY] = edited
    (action,) = of_policies(site)
    assert isinstance(action, Apply)
    rest(site)
    assert site.network_policies[KEY]["spec"] == policy()["spec"]


def test_another_setting_is_applied() -> None:
    site = world()
    rest(site)
    site.settings = PlanSettings(open_ports=(15008,))
    rest(site)
    assert site.network_policies[KEY]["spec"]["ingress"][0]["ports"][-1]["port"] == 15008


def test_it_is_taken_away_when_the_setting_is_off() -> None:
    site = world()
    rest(site)
    site.settings = PlanSettings()
    (action,) = of_policies(site)
    assert isinstance(action, Delete)
    rest(site)
    assert site.network_policies == {}


def test_one_of_another_owner_is_neither_changed_nor_taken_away() -> None:
    site = world()
    rest(site)
    site.network_policies[KEY]["metadata"]["ownerReferences"][0]["uid"] = "another"
    site.network_policies[KEY]["spec"]["ingress"] = []
    assert [type(action) for action in of_policies(site)] == [Create], "which finds the name taken"
    site.settings = PlanSettings()
    assert of_policies(site) == []


def test_one_that_is_being_deleted_is_left_alone() -> None:
    site = world()
    rest(site)
    site.network_policies[KEY]["metadata"]["deletionTimestamp"] = "now"
    assert of_policies(site) == []
    site.settings = PlanSettings()
    assert of_policies(site) == []


@pytest.mark.parametrize("view", [deployment(model="Unheard-of"), deployment(suspend=True)], ids=["impossible", "suspended"])
def test_what_serves_nothing_needs_none(view: DeploymentView) -> None:
    assert of_policies(world(view)) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([(), (1,), (1, 2)])), max_size=8))
def test_it_depends_on_its_owner_and_the_setting_alone(calls: list[tuple[str, tuple[int, ...]]]) -> None:
    cache = RenderingCache()
    for name, ports in calls:
        owner = Owner("bank", name, f"uid-{name}", None, None)
        assert network_policy_template(owner, ports, cache) == network_policy_template(owner, ports, RenderingCache())

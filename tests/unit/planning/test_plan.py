"""An operator for certain namespaces: what is elsewhere is neither written nor counted on, and says why it is not served."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import deployment, nodes, pool
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName
from scenarios.world import World, rest

HERE, ELSEWHERE = NamespacedName("trading", "chat"), NamespacedName("remote-banking", "assistant")
SCOPE = PlanSettings(write_namespaces=frozenset({"trading"}))


def world(*views: DeploymentView, settings: PlanSettings = SCOPE) -> World:
    """A server of eight devices."""
    return World(
        settings=settings,
        deployments={view.key: view for view in views},
        pools={"ascend-a": pool()},
        nodes={view.name: view for view in nodes(1)},
    )


def ready(plan: Plan, key: NamespacedName) -> tuple[str, str, str]:
    """Status, reason and message of the Ready condition."""
    (found,) = (item for item in plan.statuses[key]["conditions"] if item["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def here(**fields: object) -> DeploymentView:
    return deployment(name=HERE.name, namespace=HERE.namespace, **fields)


def elsewhere(**fields: object) -> DeploymentView:
    return deployment(name=ELSEWHERE.name, namespace=ELSEWHERE.namespace, **fields)


def test_a_deployment_elsewhere_is_not_written_and_says_why() -> None:
    plan = world(elsewhere()).plan()
    assert (plan.actions, plan.events) == ((), ())
    status, reason, message = ready(plan, ELSEWHERE)
    assert (status, reason) == ("False", "NamespaceNotManaged")
    assert "may not write in the namespace remote-banking" in message
    assert "rbac.scope" in message
    stalled = [item["reason"] for item in plan.statuses[ELSEWHERE]["conditions"] if item["type"] == "Stalled"]
    assert stalled == ["NamespaceNotManaged"], "only people help"
    assert [item["verdict"] for item in plan.statuses[ELSEWHERE]["candidates"]] == ["Impossible"]


def test_a_deployment_within_the_scope_is_served_as_ever() -> None:
    scoped, whole = world(here()).plan(), world(here(), settings=PlanSettings()).plan()
    assert scoped.actions == whole.actions != ()
    assert scoped.statuses == whole.statuses


@pytest.mark.parametrize("edit", [{}, {"suspend": True}, {"replicas": 2}, {"max_model_len": 4096}])
def test_what_serves_there_goes_on_when_the_scope_shrinks(edit: dict[str, object]) -> None:
    site = world(elsewhere(), settings=PlanSettings())
    rest(site)
    site.settings = SCOPE
    before = site.snapshot().workloads
    view = elsewhere(**edit)
    site.deployments[ELSEWHERE] = replace(view, status=site.deployments[ELSEWHERE].status)
    assert site.plan().actions == ()
    assert site.snapshot().workloads == before


def test_nobody_waits_for_devices_that_it_holds() -> None:
    """The operator cannot make it give way."""
    site = world(elsewhere(priority="P3", replicas=8), settings=PlanSettings())
    rest(site)
    site.settings = SCOPE
    site.deployments[HERE] = here(priority="P0")
    plan = site.plan()
    assert not plan.deployments[HERE].placements or not any(item.desired for item in plan.deployments[HERE].placements)
    assert ready(plan, HERE)[1] == "InsufficientDevices"


def test_a_spec_that_cannot_be_read_says_that_first() -> None:
    broken = replace(elsewhere(), spec=None, error="spec.model: missing")
    assert ready(world(broken).plan(), ELSEWHERE)[1] == "Misconfigured"

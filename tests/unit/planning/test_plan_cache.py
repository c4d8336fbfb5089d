"""A plan with a cache is the plan without it, whatever changed in between, and the cache is no larger than the fleet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factories import deployment, nodes, pool, snapshot
from modelmatrix.api.profiles import ModelProfileSpec
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot
from scenarios.fleets import worlds
from scenarios.world import World

Change = Callable[[Snapshot], Snapshot]


def outcome(planned: Plan) -> tuple[Any, ...]:
    """Everything that a plan leads to."""
    return planned.actions, planned.statuses, planned.pool_statuses, planned.events, planned.new_devices


def of_specs(**fields: Any) -> Change:
    """Other fields of every deployment's spec. Uid and generation stay: nothing may be recognised by them."""

    def change(state: Snapshot) -> Snapshot:
        views = (view if view.spec is None else replace(view, spec=_with(view.spec, fields)) for view in state.deployments)
        return replace(state, deployments=tuple(views))

    return change


def of_models(**fields: Any) -> Change:
    """Other fields of every deployment's ``spec.model``."""

    def change(state: Snapshot) -> Snapshot:
        views = (
            view if view.spec is None else replace(view, spec=_with(view.spec, {"model": _with(view.spec.model, fields)}))
            for view in state.deployments
        )
        return replace(state, deployments=tuple(views))

    return change


def of_pools(**fields: Any) -> Change:
    """Other fields of every pool's spec."""

    def change(state: Snapshot) -> Snapshot:
        views = (view if view.spec is None else replace(view, spec=_with(view.spec, fields)) for view in state.pools)
        return replace(state, pools=tuple(views))

    return change


def of_catalogue(state: Snapshot) -> Snapshot:
    """A model of the fleet gets a profile of the cluster's own, with a shorter default length."""
    known = state.catalogue.model("Qwen3-32B")
    assert known is not None
    facts = {name: getattr(known.facts, name) for name in ModelProfileSpec.model_fields}
    own = ModelProfileSpec(**facts | {"default_max_model_len": 2048})
    return replace(state, catalogue=state.catalogue.extended({"Qwen3-32B": own}, {}))


def of_settings(state: Snapshot) -> Snapshot:
    return replace(state, settings=PlanSettings(weights_image="registry.bank/rclone:1", cluster_domain="bank.local"))


def without_a_node(state: Snapshot) -> Snapshot:
    return replace(state, nodes=state.nodes[1:])


def without_groups(state: Snapshot) -> Snapshot:
    return replace(state, leader_worker_sets=False)


def without_a_deployment(state: Snapshot) -> Snapshot:
    return replace(state, deployments=state.deployments[1:])


def _with(spec: Any, fields: dict[str, Any]) -> Any:
    return type(spec).model_validate(spec.model_dump(exclude_unset=True) | fields)


CHANGES: dict[str, Change] = {
    "tenant": of_specs(tenant="retail", cost_center="77"),
    "length": of_specs(max_model_len=2048),
    "unlisted": of_specs(unlisted="Allow"),
    "priority": of_specs(priority="P1"),
    "slo": of_specs(slo={"tpotMilliseconds": 20}),
    "replicas": of_specs(scaling=None, replicas=2),
    "source": of_models(source="s3://weights/other"),
    "secret": of_models(secret_name="other"),  # noqa: S106 - a name
    "served name": of_models(served_name="other"),
    "host network": of_pools(host_network=True),
    "driver": of_pools(driver="Host"),
    "image": of_pools(images={"vLLM": "registry.bank/vllm:v0.23.0", "vLLM-Ascend": "registry.bank/ascend:v0.23.0"}),
    "tolerations": of_pools(tolerations=[{"key": "gpu", "operator": "Exists"}]),
    "resource": of_pools(resource_name="bank.example/device"),
    "price": of_pools(price={"amount": "1.00", "currency": "CNY"}),
    "limit": of_pools(limits={"devices": 3}),
    "catalogue": of_catalogue,
    "settings": of_settings,
    "node": without_a_node,
    "groups": without_groups,
    "deployment": without_a_deployment,
}


@settings(max_examples=60)
@given(worlds(), st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4))
def test_what_is_remembered_never_shows_in_a_plan(world: World, names: list[str]) -> None:
    cache = PlanCache()
    world.apply(plan(world.snapshot(), cache))
    world.settle(rounds=2)
    state = world.snapshot()
    for name in names:
        state = CHANGES[name](state)
        assert outcome(plan(state, cache)) == outcome(plan(state)), name


@settings(max_examples=40)
@given(worlds(), st.sampled_from(sorted(CHANGES)))
def test_a_what_if_plan_on_a_branch_leaves_the_cache_as_it_is(world: World, name: str) -> None:
    cache = PlanCache()
    state = world.snapshot()
    before = outcome(plan(state, cache))
    plan(CHANGES[name](state), cache.branch())
    assert outcome(plan(state, cache)) == before == outcome(plan(state))


def test_the_cache_is_no_larger_than_the_fleet() -> None:
    cache = PlanCache()
    there = {"pools": (pool(),), "nodes": nodes(2)}
    for number in range(20):
        fleet = tuple(deployment(name=f"model-{number}-{index}", model="Qwen3-8B") for index in range(2))
        plan(snapshot(deployments=fleet, **there), cache)
    for results in (cache.feasibility.assessments, cache.rendering.templates, cache.rendering.services, cache.intact):
        assert len(results) <= 4, "two deployments of this plan and two of the last one"


def test_results_are_used_again() -> None:
    cache, state = PlanCache(), snapshot(pools=(pool(),), nodes=nodes(2), deployments=(deployment(),))
    first, second = (plan(state, cache).deployments[state.deployments[0].key] for _ in range(2))
    assert second.options is first.options
    assert second.placements[0].template is first.placements[0].template
    assert second.service_template is first.service_template

"""What holds for every fleet while changes of a pool, of the catalogue or of words roll out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factories import generation_of
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.fleets import worlds
from scenarios.world import STEP_SECONDS, World, rest

GOOD, BAD = "registry.bank.local/engine:2", "registry.bank.local/engine:does-not-exist"
ENGINES = ("vLLM", "vLLM-Ascend", "SGLang", "MindIE", "TEI")
STEPS = 120


def change_pools(world: World, **fields: Any) -> None:
    """The same edit of every pool."""
    for name, view in world.pools.items():
        assert view.spec is not None
        content = view.spec.model_dump(mode="json", by_alias=True, exclude_none=True) | fields
        spec = type(view.spec).model_validate(content)
        world.pools[name] = replace(view, spec=spec, generation=generation_of(spec))


def change_images(world: World, image: str) -> None:
    change_pools(world, images=dict.fromkeys(ENGINES, image))


def ready(world: World) -> Counter[NamespacedName]:
    """Serving replicas by deployment."""
    return Counter(
        NamespacedName(found.key.namespace, item.stored["metadata"]["labels"]["modelmatrix.io/deployment"])
        for item in world.workloads.values()
        for found in item.pods
        if found.leader and found.ready and not found.deleting
    )


def images(world: World) -> set[str]:
    """Images of the serving replicas."""
    return {item.images[found.uid] for item in world.workloads.values() for found in item.pods if found.ready}


def in_place(world: World) -> Counter[str]:
    """Workloads by pool that lack replicas while a rollout in place is on."""
    return Counter(
        item.stored["metadata"]["labels"]["modelmatrix.io/pool"]
        for item in world.workloads.values()
        if "modelmatrix.io/served-template" in item.stored["metadata"]["annotations"]
        and "'maxSurge': 0" in str(item.spec)
        and sum(1 for found in item.pods if found.leader and found.ready and not found.deleting) < item.spec["replicas"]
    )


def drive(world: World) -> None:
    """Let everything happen until nothing does for longer than a failure takes to count."""
    before, quiet = ready(world), 0
    for _ in range(STEPS):
        made = world.plan()
        world.apply(made)
        pods = [list(item.pods) for item in world.workloads.values()]
        world.step()
        serving = ready(world)
        assert all(serving[key] >= count - 1 for key, count in before.items()), (before, serving)
        assert all(count <= 1 for count in in_place(world).values())
        quiet = quiet + 1 if not made.actions and pods == [list(item.pods) for item in world.workloads.values()] else 0
        if quiet * STEP_SECONDS > 120:
            return
    raise AssertionError(f"no end after {STEPS} steps")


@given(worlds(sane=True))
@settings(max_examples=20)
def test_an_image_reaches_every_replica_and_no_deployment_lacks_more_than_one(world: World) -> None:
    rest(world)
    before = ready(world)
    change_images(world, GOOD)
    drive(world)
    assert images(world) <= {GOOD}
    assert ready(world) == before
    assert not world.plan().actions


@given(worlds(sane=True))
@settings(max_examples=20)
def test_a_missing_image_ends_where_it_began(world: World) -> None:
    rest(world)
    world.missing.add(BAD)
    before = ready(world), images(world)
    change_images(world, BAD)
    drive(world)
    assert (ready(world), images(world)) == before
    assert not world.plan().actions
    change_images(world, GOOD)
    drive(world)
    assert images(world) <= {GOOD}


@given(worlds(sane=True), st.sampled_from(["tenant", "costCenter", "tolerations"]))
@settings(max_examples=15)
def test_words_end_no_pod_that_serves(world: World, field: str) -> None:
    rest(world)
    before = {found.uid for found in world.pods if found.ready}  # groups that lack nodes are tried again and again
    if field == "tolerations":
        change_pools(world, tolerations=[{"key": "maintenance", "operator": "Exists"}])
    else:
        for key, view in world.deployments.items():
            assert view.spec is not None
            content = view.spec.model_dump(mode="json", by_alias=True, exclude_none=True) | {field: "4711"}
            spec = type(view.spec).model_validate(content)
            world.deployments[key] = replace(view, spec=spec, generation=generation_of(spec))
    rest(world)
    assert {found.uid for found in world.pods if found.ready} >= before


@given(worlds(sane=True), st.integers(1, 20))
@settings(max_examples=15)
def test_a_pause_in_the_midst_of_a_rollout_writes_nothing(world: World, steps: int) -> None:
    rest(world)
    change_images(world, GOOD)
    for _ in range(steps):
        world.apply(world.plan())
        world.step()
    world.pools = {name: replace(view, paused=True) for name, view in world.pools.items()}
    change_images(world, BAD)
    assert not [action for action in world.plan().actions if action.kind.plural != "services"]

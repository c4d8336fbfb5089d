"""What happens to a cluster after it has come to rest: edits, failures, growth, other tenants, decisions of a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from factories import generation_of, node, pod
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from scenarios.fleets import CHIPS, MODELS
from scenarios.world import World


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the ``which``-th object of its kind, with a number that says how much."""

    name: str
    which: int
    number: int


def happen(world: World, event: Event) -> None:
    """Make an event happen; nothing when there is no object for it."""
    EVENTS[event.name](world, event)


def decisions(world: World, event: Event) -> dict[Any, ScaleDecision]:
    """A policy that wants the event's number of replicas everywhere."""
    return {key: ScaleDecision(event.number, Reason.LOAD_RISING, "arrivals") for key in world.deployments}


def _edit(world: World, event: Event, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    views = [view for view in world.deployments.values() if view.spec is not None]
    if not views:
        return
    view = views[event.which % len(views)]
    assert view.spec is not None
    content = view.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    spec = ModelDeploymentSpec.model_validate(content | change(content))
    world.deployments[view.key] = replace(view, spec=spec, generation=generation_of(spec))


def _scale(world: World, event: Event) -> None:
    _edit(world, event, lambda content: {} if "scaling" in content else {"replicas": event.number})


def _other_model(world: World, event: Event) -> None:
    _edit(world, event, lambda content: {"model": content["model"] | {"name": MODELS[event.number % len(MODELS)]}})


def _longer(world: World, event: Event) -> None:
    _edit(world, event, lambda _: {"maxModelLen": 4096 * (1 + event.number)})


def _other_pools(world: World, event: Event) -> None:
    _edit(world, event, lambda content: {"pools": content["pools"][event.number % len(content["pools"]) :]})


def _other_priority(world: World, event: Event) -> None:
    _edit(world, event, lambda _: {"priority": f"P{event.number % 4}"})


def _suspend(world: World, event: Event) -> None:
    _edit(world, event, lambda content: {"suspend": not content.get("suspend", False)})


def _delete(world: World, event: Event) -> None:
    """Garbage collection takes what the deployment owned."""
    keys = list(world.deployments)
    if not keys:
        return
    view = world.deployments.pop(keys[event.which % len(keys)])
    world.services.pop(view.key, None)
    for workload in world.workloads.values():
        if workload.view.owner_uid == view.uid:
            workload.stored["metadata"]["deletionTimestamp"] = "now"


def _limit(world: World, event: Event) -> None:
    for view in list(world.pools.values())[event.which % 3 :][:1]:
        if view.spec is not None:
            spec = view.spec.model_copy(update={"limits": type(view.spec).model_fields["limits"].default})
            content = spec.model_dump(mode="json", by_alias=True, exclude_none=True) | {"limits": {"devices": 4 * event.number}}
            parsed = type(spec).model_validate(content)
            world.pools[view.name] = replace(view, spec=parsed, generation=generation_of(parsed))


def _cordon(world: World, event: Event) -> None:
    _change_node(world, event, schedulable=bool(event.number % 2))


def _change_node(world: World, event: Event, **fields: Any) -> None:
    names = sorted(world.nodes)
    if names:
        name = names[event.which % len(names)]
        world.nodes[name] = replace(world.nodes[name], **fields)


def _lose_node(world: World, event: Event) -> None:
    """The node and its pods are gone; controllers make new pods."""
    names = sorted(world.nodes)
    if names:
        gone = names[event.which % len(names)]
        del world.nodes[gone]
        world.foreign = {key: guest for key, guest in world.foreign.items() if guest.node != gone}
        for workload in world.workloads.values():
            workload.pods = [item for item in workload.pods if item.node != gone]


def _add_node(world: World, event: Event) -> None:
    for view in list(world.pools.values())[event.which % 3 :][:1]:
        if view.spec is not None:
            resource, devices = CHIPS[view.spec.accelerator]
            name = f"{view.name}-new-{event.number}"
            world.nodes.setdefault(name, node(name=name, pool=view.name, devices=devices, resource=resource))


def _guest(world: World, event: Event) -> None:
    """Another tenant takes what is free of a node, or the last one leaves."""
    names = sorted(world.nodes)
    if not names or event.number % 2:
        world.foreign.popitem() if world.foreign else None
        return
    on = world.nodes[names[event.which % len(names)]]
    ((resource, _),) = on.capacity.items()
    free = world.free(on, resource)
    if free > 0:
        made = pod(name=f"guest-{on.name}-{free}", namespace="others", node=on.name, devices=free, resource=resource)
        world.foreign[made.key] = made


def _kill_pod(world: World, event: Event) -> None:
    for workload in list(world.workloads.values())[event.which % 3 :][:1]:
        workload.pods = workload.pods[1:]


def _edited_by_hand(world: World, event: Event) -> None:
    for workload in list(world.workloads.values())[event.which % 3 :][:1]:
        workload.stored = workload.stored | {
            "metadata": workload.stored["metadata"] | {"generation": 10_000 + event.number},
            "spec": workload.spec | {"replicas": event.number},
        }


EVENTS: dict[str, Callable[[World, Event], None]] = {
    function.__name__.strip("_"): function
    for function in (
        _scale,
        _other_model,
        _longer,
        _other_pools,
        _other_priority,
        _suspend,
        _delete,
        _limit,
        _cordon,
        _lose_node,
        _add_node,
        _guest,
        _kill_pod,
        _edited_by_hand,
    )
} | {"decide": lambda _world, _event: None}

events = st.builds(Event, st.sampled_from(sorted(EVENTS)), st.integers(0, 5), st.integers(0, 5))
stories = st.lists(events, min_size=1, max_size=4)

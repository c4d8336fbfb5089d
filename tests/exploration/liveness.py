"""Once faults stop: a fair run of everyone, in one fixed order, must come to rest with what is desired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from exploration.cluster.canonical import canonical
from exploration.cluster.controllers import STRANGER, controller_steps, ready_of
from exploration.cluster.model import State
from exploration.cluster.views import Fleet
from exploration.faults import healed
from exploration.invariants import DESIRED, REST, Violation
from exploration.operator_steps import plan_step, planned, write_steps
from modelmatrix.planning.snapshot.views import NamespacedName

MOST_ROUNDS = 200
MOST_STEPS = 400
DEVICES = 4  # of every replica


@dataclass(slots=True)
class FairRuns:
    """Runs of one fleet; states that are known to come to rest well are not run again."""

    fleet: Fleet
    known: dict[int, tuple[Violation, ...]] = field(default_factory=dict)
    longest: int = 0

    def check(self, state: State) -> tuple[Violation, ...]:
        """What is wrong with the end of a fair run from a state."""
        now, path = healed(state, self.fleet), dict[int, None]()
        while (name := hash(canonical(now))) not in self.known:
            after = self.round(now)
            if after == now:
                self.known[name] = tuple(self._end(now))
            elif name in path or len(path) > MOST_ROUNDS:
                self.known[name] = ((REST, f"{len(path)} rounds, and the plans go on"),)
            path[name] = None
            now = after
        self.longest = max(self.longest, len(path))
        self.known.update(dict.fromkeys(path, end := self.known[name]))
        return end

    def round(self, state: State) -> State:
        """A plan, its writes, and everyone's steps until nobody moves; where nobody moves at all, time passes."""
        _, made = planned(state, self.fleet)
        after = _carried_out(plan_step(replace(state, in_flight=()), made))
        for _ in range(MOST_STEPS):
            step = next(controller_steps(after), None)
            if step is None:
                break
            after = step[1]
        return replace(after, now=after.now + 1) if after == state and self._waits(state) else after

    def _waits(self, state: State) -> bool:
        """Whether later plans differ though nothing happens: a back-off ends, a place is no longer reserved."""
        later = state
        for ticks in (1, 2, 4, 8, 16, 32, 64):
            later = replace(state, now=state.now + ticks)
            _, made = planned(later, self.fleet)
            if plan_step(later, made).in_flight:
                return True
        return False

    def _end(self, state: State) -> Iterator[Violation]:
        ideal = self.ideal(state)
        serving = {key: ready_of(state.server, key) for key in ideal}
        if serving != ideal:
            yield DESIRED, f"at rest with {_text(serving)}, which could be {_text(ideal)}"

    def ideal(self, state: State) -> Mapping[NamespacedName, int]:
        """Replicas that should serve, worked out by hand: by priority, in the order of each spec's pools, one size for all."""
        server = state.server
        rooms = Counter[str]()
        for node in server.nodes:
            rooms[node.pool] += 0 if node.tainted else (node.devices - node.foreign) // DEVICES
        serving = {}
        for model in sorted(server.models, key=lambda model: (self.fleet.variants[model.variant]["priority"], model.number)):
            spec = self.fleet.variants[model.variant]
            missing = 0 if model.key.namespace in server.full else spec["replicas"]
            serving[model.key] = 0
            for candidate in spec["pools"]:
                taken = min(missing - serving[model.key], rooms[candidate["name"]])
                rooms[candidate["name"]] -= taken
                serving[model.key] += taken
        return serving


def _carried_out(state: State) -> State:
    while (step := next(write_steps(state), None)) is not None:
        state = step[1]
    return state


def at_rest(fleet: Fleet) -> State:
    """The fleet's first state after a fair run, beside a workload of somebody else that wears our labels."""
    runs, now = FairRuns(fleet), State(fleet.start, numbers=1000)
    for _ in range(MOST_ROUNDS):
        after = runs.round(now)
        if after == now:
            return _beside_a_stranger(now)
        now = after
    raise AssertionError("the fleet does not come to rest without any fault")


def _beside_a_stranger(state: State) -> State:
    ours = state.server.workloads[0]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "somebody", "uid": STRANGER, "controller": True}
    metadata = {**ours.manifest.content["metadata"], "name": "canary", "ownerReferences": [owner]}
    manifest = replace(ours.manifest, content={**ours.manifest.content, "metadata": metadata})
    key = NamespacedName(ours.key.namespace, "canary")
    stranger = replace(ours, key=key, number=1, owner=STRANGER, manifest=manifest, replicas=0)
    return replace(state, server=replace(state.server, workloads=(*state.server.workloads, stranger)))


def _text(counts: Mapping[NamespacedName, int]) -> str:
    return " ".join(f"{key.name}:{count}" for key, count in sorted(counts.items()))

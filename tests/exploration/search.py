"""A seeded search through the states of a fleet: every interleaving of plans, writes, controllers, faults and edits.

Half of the time the newest state is continued, else any one that waits: runs are long and differ early as well as late. A
search that runs out of states has seen all of them.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from exploration import invariants
from exploration.cluster.canonical import canonical
from exploration.cluster.controllers import controller_steps
from exploration.cluster.model import State
from exploration.cluster.views import Fleet
from exploration.faults import edit_step, fault_steps
from exploration.invariants import Violation
from exploration.liveness import FairRuns, at_rest
from exploration.operator_steps import plan_step, planned, write_steps


@dataclass(slots=True)
class Found:
    """What a search has found: states, steps, and by invariant the first violation with the steps that lead to it."""

    states: int = 0
    steps: int = 0
    deepest: int = 0
    exhausted: bool = False
    seconds: float = 0.0
    longest_recovery: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[str, list[str]]] = field(default_factory=dict)


@dataclass(slots=True)
class Search:
    """One search. ``budget`` are the faults of one path, ``seed`` chooses the order of states."""

    fleet: Fleet
    budget: int
    seed: int
    found: Found = field(default_factory=Found)
    parents: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    waiting: list[tuple[int, State]] = field(default_factory=list)

    def run(self, most: int) -> Found:
        """Visit up to ``most`` states."""
        started, chance, runs = time.perf_counter(), random.Random(self.seed), FairRuns(self.fleet)  # noqa: S311 - an order
        self._add(0, "at rest", replace(at_rest(self.fleet), budget=self.budget))
        while self.waiting and self.found.states < most:
            name, state = self._next(chance)
            self.found.states += 1
            for violation in runs.check(state):
                self._report(violation, name)
            for label, after, wrong in self._steps(state):
                self.found.steps += 1
                child = self._add(name, label, after)
                for violation in wrong:
                    self._report(violation, child)
        self.found.exhausted = not self.waiting
        self.found.seconds = time.perf_counter() - started
        self.found.longest_recovery = runs.longest
        return self.found

    def _next(self, chance: random.Random) -> tuple[int, State]:
        if chance.random() < 0.5:
            index = chance.randrange(len(self.waiting))
            self.waiting[index], self.waiting[-1] = self.waiting[-1], self.waiting[index]
        return self.waiting.pop()

    def _add(self, parent: int, label: str, state: State) -> int:
        name = hash(canonical(state))
        if name not in self.parents:
            depth = self.parents[parent][2] + 1 if parent in self.parents else 0
            self.found.deepest = max(self.found.deepest, depth)
            self.parents[name] = (parent, label, depth)
            self.waiting.append((name, state))
        return name

    def _steps(self, state: State) -> Iterator[tuple[str, State, list[Violation]]]:
        if state.in_flight or state.held:
            for label, after in write_steps(state):
                yield label, *self._written(state, after)
        if not state.in_flight:
            _, made = planned(state, self.fleet)
            yield "plan", plan_step(state, made), list(invariants.of_plan(state, made))
        others = list(controller_steps(state))
        for label, after in (*others, *fault_steps(state, self.fleet), *edit_step(state, self.fleet)):
            yield label, invariants.settled(after), []
        if not others and not state.in_flight:
            yield "time passes", replace(state, now=state.now + 1), []

    def _written(self, before: State, after: State) -> tuple[State, list[Violation]]:
        sent = (*before.in_flight, *before.held)
        left = (*after.in_flight, *after.held)
        (write,) = [item for item in sent if not any(item is other for other in left)]
        return invariants.indebted(before, after, write)

    def _report(self, violation: Violation, name: int) -> None:
        invariant, text = violation
        self.found.violations[invariant] += 1
        trace = self._trace(name)
        if invariant not in self.found.first or len(trace) < len(self.found.first[invariant][1]):
            self.found.first[invariant] = (text, trace)

    def _trace(self, name: int) -> list[str]:
        steps = []
        while name in self.parents:
            name, label, _ = self.parents[name]
            steps.append(label)
        return steps[::-1]

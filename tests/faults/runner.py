"""Runs fault plans on one control plane, one after the other, and says what each has broken."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from faults.life import NAMESPACE, START, STEPS, deployment
from faults.observer import MODELS, WORKLOADS, Observer
from faults.operators import OperatorThread
from faults.plans import Fault, FaultPlan
from faults.proxy import Proxy, WriteFault

NAMESPACE_OF_OPERATORS, LEASE_NAMESPACE = "modelmatrix-system", "kube-system"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases/modelmatrix-leader"
PATIENCE_SECONDS, QUIET_SECONDS = 60.0, 0.7
OPERATORS = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """A step without any fault: how it ends, what it creates and deletes, and the fewest replicas that serve meanwhile."""

    end: dict[str, Any]
    changes: Counter[tuple[str, str, str]]
    lowest: dict[str, int]


@dataclass(slots=True)
class Outcome:
    """What became of a plan."""

    plan: FaultPlan
    seconds: float
    recovery_seconds: float
    violations: list[str]


@dataclass(slots=True)
class Runner:
    """One control plane, its proxy and two operators."""

    proxy: Proxy
    observer: Observer
    origin: float
    references: list[Reference] = field(default_factory=list)
    operators: list[OperatorThread] = field(default_factory=list)
    canaries: list[Any] = field(default_factory=list)
    _names: itertools.count[int] = field(default_factory=itertools.count)
    _timers: list[asyncio.Task[None]] = field(default_factory=list)
    _spoiled: set[str] = field(default_factory=set)

    async def start(self) -> None:
        """Operators, the first deployments, and one cycle without faults to compare with."""
        for _ in range(OPERATORS):
            await self._new_operator()
        await self.begin()
        for step in range(len(STEPS)):
            self.references.append(await self._reference(step))

    async def begin(self) -> None:
        """Bring the fleet to where the cycle begins."""
        for item in await self.observer.items(MODELS):
            await self.observer.apply(item["metadata"]["name"], None)
        await self._until(lambda state: not any(state.values()))
        for name, content in START:
            await self.observer.apply(name, deployment(name, content))
        wanted_end = self.references[-1].end if self.references else None
        state = await self._until(lambda state: state == wanted_end if wanted_end else _serves(state))
        if state != wanted_end and (wanted_end or not _serves(state)):
            raise AssertionError(f"the fleet does not begin: {list(_differences('', state, wanted_end or {}))}")
        await self._quiet(settled=True)
        self.canaries = self.canaries or await self.observer.foreign()

    async def stop(self) -> None:
        """End the operators."""
        for operator in self.operators:
            self.proxy.bury(operator.name)
            operator.end()
        for operator in self.operators:
            await asyncio.to_thread(operator.join, 10.0)

    async def _new_operator(self) -> None:
        name = f"operator-{next(self._names)}"
        port = await self.proxy.port_for(name)
        operator = OperatorThread(name, port, NAMESPACE_OF_OPERATORS, self.origin)
        self.operators.append(operator)
        operator.start()

    async def _reference(self, step: int) -> Reference:
        self.proxy.begin_step()
        self.observer.clear_lowest()
        await self._act(step)
        await self._quiet(settled=True)
        end = await self._until(_serves)
        if not _serves(end):
            raise AssertionError(f"without any fault: {end}")
        return Reference(end, self._changes(), dict(self.observer.lowest))

    async def _act(self, step: int) -> None:
        for name, content in STEPS[step].specs:
            await self.observer.apply(name, deployment(name, content) if content else None)

    async def run(self, plan: FaultPlan) -> Outcome:
        """One plan, from the state in which its step begins."""
        started = time.monotonic()
        self.proxy.begin_step()
        self.observer.clear_lowest()
        self._spoiled.clear()
        if any(fault.kind == "stale-lists" for fault in plan.faults):
            await self.proxy.refresh_lists()
        self._arm(plan)
        await self._act(plan.step)
        await self._faults_end()
        ended = time.monotonic()
        reference = self.references[plan.step]
        state = await self._until(lambda state: state == reference.end)
        quiet = await self._quiet(settled=False)
        recovered = time.monotonic() - ended
        violations = [
            *self._compare(plan, reference, state),
            *([] if quiet else ["writes go on for 60 s after the last fault"]),
        ]
        if await self.observer.foreign() != self.canaries:
            violations.append("an object of others was changed")
        return Outcome(plan, time.monotonic() - started, recovered, violations)

    def _arm(self, plan: FaultPlan) -> None:
        for fault in plan.faults:
            if fault.nth:
                self.proxy.faults[fault.nth] = self._write_fault(fault)
            else:
                self._timers.append(asyncio.create_task(self._timed(fault)))

    def _write_fault(self, fault: Fault) -> WriteFault:
        pause = fault.seconds / 10
        match fault.kind:
            case "kill-before":
                return WriteFault(before=self._kill_leader)
            case "kill-after":
                return WriteFault(after=self._kill_leader)
            case "lose-answer":
                return WriteFault(loses_answer=True)
            case "answer":
                return WriteFault(answer=int(fault.detail), times=fault.seconds)
            case "late":
                return WriteFault(detached=True, pause=pause)
        return WriteFault(pause=pause)

    async def _timed(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at / 10)
        proxy, seconds = self.proxy, fault.seconds / 10
        match fault.kind:
            case "cut-watches":
                proxy.cut()
            case "hang-watches":
                await self._while(seconds, lambda on: proxy.hang(hangs=on))
            case "stale-lists":
                proxy.lists_stale = True
                proxy.cut()
                await asyncio.sleep(seconds)
                proxy.lists_stale = False
                proxy.cut()
            case "block-lease":
                await self._while(seconds, lambda on: setattr(proxy, "lease_blocked", on))
            case "away":
                await self._while(seconds, self._away)
            case "stop":
                leader = self._leader()
                await self._while(seconds, lambda on: leader.stop() if on else leader.resume())
            case "kill":
                self._kill_leader()
            case "corrupt":
                await self._corrupt(fault.detail)

    async def _while(self, seconds: float, switch: Callable[[bool], object]) -> None:
        switch(True)
        try:
            await asyncio.sleep(seconds)
        finally:
            switch(False)

    def _away(self, on: bool) -> None:  # noqa: FBT001
        self.proxy.away = on
        self.proxy.cut()

    def _leader(self) -> OperatorThread:
        alive = [item for item in self.operators if item.name not in self.proxy.dead]
        return next((item for item in alive if item.name == self.proxy.holder), alive[0])

    def _kill_leader(self) -> None:
        """The leader ends at once; its Lease has run out soon after, which need not be waited for."""
        leader = self._leader()
        self.proxy.bury(leader.name)
        leader.end()
        self._timers.append(asyncio.create_task(self._expire(leader.name)))

    async def _expire(self, name: str) -> None:
        lease = await self.observer.get(LEASE)
        if lease.get("spec", {}).get("holderIdentity") == name:
            await self.observer.patch(LEASE, {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}})

    async def _corrupt(self, what: str) -> None:
        """Somebody changes fields of the oldest deployment's workload."""
        workloads = [item for item in await self.observer.items(WORKLOADS) if item["metadata"]["name"].startswith("alpha-")]
        if not workloads:
            return
        name = workloads[0]["metadata"]["name"]
        container = {
            "name": workloads[0]["spec"]["template"]["spec"]["containers"][0]["name"],
            "image": "registry.example/evil:1",
        }
        changes: dict[str, Any] = {
            "replicas": {"spec": {"replicas": workloads[0]["spec"]["replicas"] + 1}},
            "labels": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
            "owner": {"metadata": {"ownerReferences": None}},
            "template": {"spec": {"template": {"spec": {"containers": [container]}}}},
            "annotation": {"metadata": {"annotations": {"modelmatrix.io/manifest-digest": "0"}}},
        }
        kind = "application/strategic-merge-patch+json" if what == "template" else "application/merge-patch+json"
        self._spoiled.add("alpha" if what == "template" else "")
        await self.observer.patch(f"{WORKLOADS}/{name}", changes[what], kind)

    async def _faults_end(self) -> None:
        """Wait for the timed faults, disarm the others, and start operators for those that have ended."""
        while pending := [task for task in self._timers if not task.done()]:
            await asyncio.wait(pending)
        for task in self._timers:
            task.result()
        self._timers.clear()
        self.proxy.faults = {n: fault for n, fault in self.proxy.faults.items() if n > self.proxy.counted + 20}
        await self.proxy.drained()
        await self._replace_ended()

    async def _replace_ended(self) -> None:
        for operator in list(self.operators):
            if operator.ended.is_set() or operator.name in self.proxy.dead:
                self.operators.remove(operator)
                self.proxy.bury(operator.name)
                await self._new_operator()

    async def state_like(self, wanted: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The state, as soon as it is the wanted one and stays so, or after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            state = await self._until(lambda state: state == wanted, deadline - time.monotonic())
            await self._quiet(settled=False)
            if state != wanted or await self.observer.state() == wanted:
                return state

    def differences(self, found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
        """The leaves in which two states differ."""
        return list(_differences("", found, expected))

    async def _until(self, holds: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The state, as soon as it is as it should be, or after all patience."""
        deadline = time.monotonic() + seconds
        while True:
            state = await self.observer.state()
            if holds(state) or time.monotonic() > deadline:
                return state
            await self._replace_ended()
            await asyncio.sleep(0.05)

    async def _quiet(self, *, settled: bool) -> bool:
        """Wait until nothing has been written for a while; with ``settled`` also until everything is Ready or gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            last = max((sent.seconds for sent in self.proxy.writes), default=0.0)
            if time.monotonic() - last > (3 * QUIET_SECONDS if settled else QUIET_SECONDS):
                return True
        return False

    def _changes(self) -> Counter[tuple[str, str, str]]:
        """Creates and deletes that took effect, of others than events."""
        return Counter(
            (sent.verb, sent.plural, sent.name)
            for sent in self.proxy.writes
            if sent.verb in ("create", "delete") and sent.took_effect and sent.plural != "events"
        )

    def _compare(self, plan: FaultPlan, reference: Reference, state: dict[str, Any]) -> list[str]:
        """What is wrong. An operator that reads old lists makes anew what has just gone, and the garbage collector ends it."""
        wrong = list(_differences("", state, reference.end))
        changes = self._changes()
        reads_old_lists = any(fault.kind == "stale-lists" for fault in plan.faults)
        if changes != reference.changes and not reads_old_lists:
            wrong.append(f"created or deleted: {dict(changes - reference.changes)}, not: {dict(reference.changes - changes)}")
        for name, least in reference.lowest.items():
            if name not in self._spoiled and self.observer.lowest.get(name, 0) < least:
                wrong.append(f"{name}: {self.observer.lowest.get(name, 0)} served, {least} without faults")
        wrong += [
            f"{sent.operator} writes {sent.verb} {sent.plural} {sent.name}, {sent.holder} leads"
            for sent in self.proxy.writes
            if sent.holder and sent.operator != sent.holder and sent.operator not in self.proxy.dead
        ]
        if any(sent.namespace not in (NAMESPACE, "", "default") for sent in self.proxy.writes):
            wrong.append("a write in a namespace of others")
        return wrong


def _serves(state: dict[str, Any]) -> bool:
    """Whether everything that is desired is there and Ready, and nothing else is there."""
    models = state["models"]
    desired = sum(item["desiredReplicas"] or 0 for item in models.values())
    told = all(item["current"] and item["readyReplicas"] == item["desiredReplicas"] is not None for item in models.values())
    serving = sum(ready for _, _, ready in state["pods"])
    owned = {name.rpartition("-")[0] for name in state["workloads"]}
    return bool(models) and told and serving == len(state["pods"]) == desired and owned == set(models) == set(state["services"])


def _differences(path: str, found: Any, expected: Any) -> Iterator[str]:
    """The leaves in which two states differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted({**found, **expected}):
            yield from _differences(f"{path}.{name}".lstrip("."), found.get(name), expected.get(name))
    elif found != expected:
        yield f"{path} is {found}, without faults {expected}"

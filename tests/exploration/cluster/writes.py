"""The API server's side of the operator's writes, with the executor's answers to conflicts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

from exploration.cluster.model import Manifest, Pod, Server, Service, State, Workload, Write
from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import NamespacedName

_SINCE = re.compile(r'\\"since\\":\d+')  # states that differ in when a rollout began behave alike


def write_of(action: Action, takers: tuple[NamespacedName, ...] = ()) -> Write:
    """The request of an action."""
    verb, service = type(action).__name__, action.kind is names.SERVICES
    base = Write(verb, action.key, action.deployment, service=service, takers=takers)
    if isinstance(action, Create):
        return _with_manifest(base, action)
    if isinstance(action, Apply):
        return _with_manifest(replace(base, target=action.uid), action)
    return replace(base, target=action.uid, replicas=action.replicas if isinstance(action, Scale) else 0)


def _with_manifest(write: Write, action: Create | Apply) -> Write:
    annotations, spec = action.manifest["metadata"].get("annotations", {}), action.manifest["spec"]
    words = _SINCE.sub("", json.dumps([annotations, action.manifest["metadata"].get("labels")], sort_keys=True))
    manifest = Manifest(_digest(spec.get("template", spec)), _digest(words), action.manifest)
    surge = bool(spec.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge"))
    return replace(write, manifest=manifest, replicas=spec.get("replicas", 0), surge=surge)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def execute(state: State, write: Write) -> State:
    """The state after the API server has carried a write out, or has refused it as it does."""
    if write.verb == "Status":
        return replace(state, server=_store_statuses(state.server, write))
    if write.service:
        return _store_service(state, write)
    if write.verb == SetDeletionCost.__name__:
        pods = tuple(replace(pod, marked=True) if pod.uid == write.target else pod for pod in state.server.pods)
        return _succeeded(replace(state, server=replace(state.server, pods=pods)), write)
    found = next((item for item in state.server.workloads if item.key == write.key), None)
    if write.verb == Create.__name__:
        return _create(state, write, found)
    return _change(state, write, found)


def refuse(state: State, write: Write, message: str) -> State:
    """The state after an admission policy has refused a write."""
    return _failed(state, write, Reason.WRITE_FAILED, message)


def _create(state: State, write: Write, found: Workload | None) -> State:
    assert write.manifest is not None
    metadata = write.manifest.content["metadata"]
    owner = metadata["ownerReferences"][0]["uid"]
    if found is not None and found.owner != owner:
        return _failed(state, write, Reason.NAME_CONFLICT, f"{write.key} exists")
    if found is not None:
        return _succeeded(_with_workload(state, found, _changed(found, write)), write)
    limits = write.manifest.content["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    made = Workload(
        key=write.key,
        number=state.numbers,
        owner=owner,
        pool=metadata["labels"][names.LABEL_POOL],
        devices=sum(int(count) for name, count in limits.items() if "/" in name),
        manifest=write.manifest,
        replicas=write.replicas,
        surge=write.surge,
    )
    server = replace(state.server, workloads=tuple(sorted((*state.server.workloads, made), key=lambda item: item.key)))
    return _succeeded(replace(state, server=server, numbers=state.numbers + 1), write)


def _change(state: State, write: Write, found: Workload | None) -> State:
    """An apply to another object fails and is planned again; a scale and a delete take it for success."""
    if found is None or found.uid != write.target:
        return _succeeded(state, write) if write.verb in (Delete.__name__, Scale.__name__) else state
    after = None if write.verb == Delete.__name__ else _changed(found, write)
    return _succeeded(_with_workload(state, found, after), write)


def _changed(found: Workload, write: Write) -> Workload:
    if write.manifest is None:
        after = replace(found, replicas=write.replicas)
    else:
        after = replace(found, manifest=write.manifest, replicas=write.replicas, surge=write.surge)
    return after if after == found else replace(after, generation=found.generation + 1)


def _with_workload(state: State, before: Workload, after: Workload | None) -> State:
    """Without one, its pods have no owner any more, and the garbage collector finds them."""
    kept = tuple(after if item is before else item for item in state.server.workloads)
    return replace(state, server=replace(state.server, workloads=tuple(item for item in kept if item is not None)))


def _store_service(state: State, write: Write) -> State:
    assert write.manifest is not None
    others = tuple(item for item in state.server.services if item.key != write.key)
    owner = write.manifest.content["metadata"]["ownerReferences"][0]["uid"]
    made = Service(write.key, state.numbers, owner, write.manifest)
    server = replace(state.server, services=tuple(sorted((*others, made), key=lambda item: item.key)))
    return _succeeded(replace(state, server=server, numbers=state.numbers + 1), write)


def _store_statuses(server: Server, write: Write) -> Server:
    stored = {(kind, key): status for kind, key, status in write.statuses}
    models = tuple(replace(item, status=stored.get(("model", item.key), item.status)) for item in server.models)
    pools = tuple(
        replace(item, status=stored.get(("pool", NamespacedName("", item.name)), item.status)) for item in server.pools
    )
    return replace(server, models=models, pools=pools)


def _succeeded(state: State, write: Write) -> State:
    kept = tuple(entry for entry in state.failures if entry[0] != write.deployment)
    return replace(state, failures=kept) if kept != state.failures else state


def _failed(state: State, write: Write, reason: Reason, message: str) -> State:
    failure = WriteFailure(reason, f"{write.key}: {message}", since_seconds=0.0)
    kept = tuple(entry for entry in state.failures if entry[0] != write.deployment)
    return replace(state, failures=tuple(sorted((*kept, (write.deployment, failure)), key=lambda entry: entry[0])))


def ready_pods(server: Server, workload: Workload) -> list[Pod]:
    """Pods of a workload that serve."""
    return [pod for pod in server.pods if pod.workload == workload.number and pod.ready and not pod.deleting]

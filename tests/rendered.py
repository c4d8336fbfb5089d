"""Manifests as the planner renders them: one deployment on one pool whose nodes are free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from factories import deployment, node, pool, snapshot
from modelmatrix.api.profiles import EngineProfileSpec
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.snapshot.views import NodeView

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A model on an accelerator; the others are further fields of the deployment, its candidate and the pool."""

    name: str
    chip: str
    model: str
    quantization: str
    nodes: int = 1
    candidate: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    pool: Mapping[str, Any] = field(default_factory=dict)


BANK_ENGINE = {
    "base": "vLLM-Ascend",
    "images": [{"accelerator": "ascend-910b", "image": "registry.bank.local/vllm-ascend:v0.23.0-bank1"}],
    "arguments": ["--enable-prefix-caching"],
}

CASES = tuple(
    Case(**fields)
    for fields in yaml.safe_load((Path(__file__).parent / "reference" / "rendered_cases.yaml").read_text(encoding="utf-8"))
)


def workload(case: Case, facts: Catalogue | None = None) -> Manifest:
    """The workload of a case."""
    return next(item for item in manifests(case, facts) if item["kind"] not in ("Service", "NetworkPolicy"))


def manifests(case: Case, facts: Catalogue | None = None) -> list[Manifest]:
    """All manifests of a case, with the facts of :func:`catalogue` unless others are given."""
    planned = _plan(case, facts)
    created = [action.manifest for action in planned.actions if isinstance(action, Create)]
    assert created, next(iter(planned.statuses.values()))["candidates"]
    return created


def target(case: Case) -> WorkloadTarget:
    """What the workload of a case is rendered from."""
    (deployment_plan,) = _plan(case).deployments.values()
    return deployment_plan.placements[0].target


def _plan(case: Case, facts: Catalogue | None = None) -> Plan:
    known = facts or catalogue()
    view = pool(name="pool-a", accelerator=case.chip, **case.pool)
    fields = dict(case.spec)
    secret = fields.pop("model_secret", None)
    spec_fields: dict[str, Any] = {"pools": [{"name": "pool-a", **case.candidate}], "tenant": "remote-banking", **fields}
    made = deployment(
        name="assistant", model=case.model, quantization=case.quantization, secret=secret, costCenter="8800", **spec_fields
    )
    state = snapshot(
        deployments=(made,),
        pools=(view,),
        nodes=tuple(_nodes(case, known)),
        catalogue=known,
        runtime_classes=frozenset({"ascend"}),
    )
    return plan(state)


def catalogue() -> Catalogue:
    """The built-in catalogue and an engine image of a bank's own."""
    return builtin().extended({}, {"bank-vllm": EngineProfileSpec.model_validate(BANK_ENGINE)})


def pods(manifest: Manifest) -> Iterator[Manifest]:
    """The pod templates of a workload: one, or those of leader and worker."""
    if manifest["kind"] == "LeaderWorkerSet":
        template = manifest["spec"]["leaderWorkerTemplate"]
        yield template["leaderTemplate"]
        yield template["workerTemplate"]
    else:
        yield manifest["spec"]["template"]


def leader(manifest: Manifest) -> Manifest:
    """The engine's container in the pod that serves."""
    container: Manifest = next(pods(manifest))["spec"]["containers"][0]
    return container


def _nodes(case: Case, known: Catalogue) -> Iterator[NodeView]:
    chip = known.accelerators[case.chip]
    for index in range(case.nodes):
        yield node(name=f"n{index}", pool="pool-a", devices=chip.devices_per_node, resource=chip.resources[0])

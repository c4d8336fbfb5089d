"""Looks at a fleet's signals: a settled fleet that is scaled, and what Prometheus would answer about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmatrix.catalogue.facts import Signal
from modelmatrix.catalogue.load import builtin
from modelmatrix.control.measuring import Look
from modelmatrix.control.scaling import Scaler
from modelmatrix.planning.outlook import Outlook
from modelmatrix.planning.plan import plan
from modelmatrix.planning.views import Key
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.telemetry.answers import Sample, Vector
from modelmatrix.telemetry.queries import ENGINES, MISSING, PODS
from planbench.fleets import NOW, fresh, scaled, settled

LOOK_SECONDS = 15.0
SLO: dict[str, Any] = {"ttftMilliseconds": 2000, "tpotMilliseconds": 100, "percentile": 99}
_SIGNALS = re.compile(r'"signal", "([^"]+)"')
_BUCKETS = {str(signal): 120.0 for signal in (Signal.TTFT, Signal.TPOT, Signal.E2E)}
_ENGINE = {"step": 0.03, "running": 5.0, "kv_usage": 0.1, "computed": 900.0}
_VALUES = dict.fromkeys(("short", "long", "fast"), 2.0) | {"running": 6.0, "kv_usage": 0.1, "input": 1000.0, "output": 200.0}


@dataclass(slots=True)
class Fleet:
    """A fleet that is looked at again and again while nothing changes."""

    outlooks: Mapping[Key, Outlook]
    vectors: Mapping[str, Vector]
    scaler: Scaler = field(default_factory=lambda: Scaler(builtin(), SloPolicy(), 1.0))
    second: float = NOW

    def look(self) -> None:
        """One look: what to ask, and from the answers to decisions."""
        self.second += LOOK_SECONDS
        self.scaler.queries(self.outlooks)
        self.scaler.update(Look(self.second, self.vectors), self.outlooks, now_seconds=self.second)


def fleet(deployments: int) -> Fleet:
    """A fleet all of whose deployments are scaled and serve."""
    snapshot = scaled(fresh(deployments), SLO)
    outlooks = plan(settled(snapshot, plan(snapshot))).outlooks
    asked = Scaler(builtin(), SloPolicy(), 1.0).queries(outlooks).expressions
    return Fleet(outlooks, {query: Vector(tuple(_samples(query, text, outlooks))) for query, text in asked.items()})


def _samples(query: str, expression: str, outlooks: Mapping[Key, Outlook]) -> Iterator[Sample]:
    """An answer: names of signals are taken from the expression, and told of those that speak their dialect."""
    engines = builtin().engines
    for key, outlook in outlooks.items():
        labels = {"namespace": key.namespace, "modelmatrix_io_deployment": key.name}
        for workload, replicas in outlook.observed:
            pods = [replica.leader.key.name for replica in replicas.replicas if replica.leader is not None]
            for name in _SIGNALS.findall(expression):
                dialect, _, signal = name.partition("/")
                if dialect == engines[workload.engine].dialect:
                    yield from _of_signal(query, signal, {**labels, "signal": name}, workload.pool, pods)


def _of_signal(query: str, signal: str, labels: Mapping[str, str], pool: str, pods: list[str]) -> Iterator[Sample]:
    if query == PODS:
        yield from (({**labels, "pod": pod}, 1.0) for pod in pods if signal == "age")
    elif query == ENGINES:
        yield {**labels, "modelmatrix_io_pool": pool}, _ENGINE[signal]
    elif query in _BUCKETS:
        yield from (({**labels, "le": bound}, _BUCKETS[query]) for bound in ("2.5", "+Inf"))
    elif query != MISSING:
        yield labels, _VALUES.get(signal, 0.0)

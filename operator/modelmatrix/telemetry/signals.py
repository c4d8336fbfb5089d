"""Prometheus's answers sorted by deployment. Pure; what they mean is told elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.views import Key
from modelmatrix.telemetry.answers import Vector
from modelmatrix.telemetry.queries import GATEWAY, PODS


@dataclass(slots=True)
class Raw:
    """Values of one deployment: by name and histogram bound or pool (else an empty text), and by pod and name.

    Names are those of the queries, ``dialect/signal``.
    """

    values: dict[tuple[str, str], float] = field(default_factory=dict)
    pods: defaultdict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))

    def value(self, name: str) -> float | None:
        """The value of that name; ``None`` when Prometheus knows none."""
        return self.values.get((name, ""))


def collect(vectors: Mapping[str, Vector]) -> dict[Key, Raw]:
    """Answers by deployment."""
    found: defaultdict[tuple[str, str], Raw] = defaultdict(Raw)
    for query, vector in vectors.items():
        if query == GATEWAY:
            continue
        for labels, value in vector.samples:
            name = labels.get("signal", "")
            raw = found[labels.get("namespace", ""), labels.get("modelmatrix_io_deployment", "")]
            if query == PODS:
                raw.pods[labels.get("pod", "")][name] = value
            else:
                raw.values[name, labels.get("le") or labels.get("modelmatrix_io_pool", "")] = value
    return {Key(*key): raw for key, raw in found.items()}


def gateway_rates(vectors: Mapping[str, Vector], time_scale: float) -> dict[Key, float]:
    """Requests per second of model time that a gateway counts, by deployment."""
    rates: defaultdict[Key, float] = defaultdict(float)
    for labels, value in vectors[GATEWAY].samples if GATEWAY in vectors else ():
        name = labels.get("deployment") or labels.get("modelmatrix_io_deployment", "")
        rates[Key(labels.get("namespace", ""), name)] += max(0.0, value) / time_scale
    return dict(rates)

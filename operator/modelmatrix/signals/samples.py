"""Prometheus's answers sorted by deployment; ``signals.reading`` draws the conclusions. Pure.

Every element carries the labels of its deployment and a label ``signal`` with the name of its expression, such as
``vllm/short``. Each query has a place in ``DeploymentSamples``, by what else its elements are named after: a pod, a pool, a
bucket, or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelmatrix.catalogue.metrics import Signal
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.fleet_queries import ENGINES, GATEWAY, MISSING, PODS
from modelmatrix.signals.vectors import Vector

Labels = Mapping[str, str]


@dataclass(slots=True)
class DeploymentSamples:
    """Values of one deployment by the names of the queries, ``dialect/signal``.

    ``buckets`` are by name and bound, ``engines`` by name and pool, ``pods`` by pod and name; ``missing`` is the number of
    replicas that lack a signal, by signal.
    """

    values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    buckets: dict[tuple[str, str], float] = field(default_factory=dict)
    engines: dict[tuple[str, str], float] = field(default_factory=dict)
    pods: dict[str, dict[str, float]] = field(default_factory=dict)


def group_by_deployment(vectors: Mapping[str, Vector]) -> dict[NamespacedName, DeploymentSamples]:
    """The answers to the queries of one poll, by deployment; a deployment without any element is absent."""
    samples: defaultdict[tuple[str, str], DeploymentSamples] = defaultdict(DeploymentSamples)
    for query, vector in vectors.items():
        put = _PLACES.get(query, _put_value)
        for labels, value in vector.samples:
            put(samples[labels.get("namespace", ""), labels.get("modelmatrix_io_deployment", "")], labels, value)
    return {NamespacedName(*key): of_deployment for key, of_deployment in samples.items()}


def _put_value(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    samples.values[labels.get("signal", "")] = value


def _put_missing(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    samples.missing[labels.get("signal", "")] = value


def _put_bucket(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    samples.buckets[labels.get("signal", ""), labels.get("le", "")] = value


def _put_engine(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    samples.engines[labels.get("signal", ""), labels.get("modelmatrix_io_pool", "")] = value


def _put_pod(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    samples.pods.setdefault(labels.get("pod", ""), {})[labels.get("signal", "")] = value


def _put_nowhere(samples: DeploymentSamples, labels: Labels, value: float) -> None:
    """A gateway's elements have labels of their own: ``gateway_rates`` reads them."""


_PLACES: dict[str, Callable[[DeploymentSamples, Labels, float], None]] = {
    PODS: _put_pod,
    MISSING: _put_missing,
    ENGINES: _put_engine,
    GATEWAY: _put_nowhere,
    str(Signal.TTFT): _put_bucket,
    str(Signal.TPOT): _put_bucket,
    str(Signal.E2E): _put_bucket,
}


def gateway_rates(vectors: Mapping[str, Vector], time_scale: float) -> dict[NamespacedName, float]:
    """Requests per second of model time that a gateway counts, by deployment."""
    rates: defaultdict[NamespacedName, float] = defaultdict(float)
    for labels, value in vectors[GATEWAY].samples if GATEWAY in vectors else ():
        name = labels.get("deployment") or labels.get("modelmatrix_io_deployment", "")
        rates[NamespacedName(labels.get("namespace", ""), name)] += max(0.0, value) / time_scale
    return dict(rates)

"""The vectors that the simulator computes, beside those that a real Prometheus answered for the same scrapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.expressions import Grouping, SeriesPart, increase
from modelmatrix.signals.fleet_queries import ARRIVALS, ENGINES, LENGTHS, MISSING, NEEDED, QueryRequest, value_queries
from modelmatrix.simulation.cluster.policy import Observation
from modelmatrix.simulation.metrics.expression_evaluator import Columns, compiled
from modelmatrix.simulation.metrics.prometheus import SimulatedPrometheus
from signals.recorded_answers import recorded_vectors, request, values
from signals.simulated_pages import observation, scrapes


def test_every_vector_is_the_one_that_prometheus_answered() -> None:
    """Replicas with a steady load, a restarted engine, a young one, and one that is gone; all of the operator's queries."""
    answered = recorded_vectors()
    computed = SimulatedPrometheus(request()).answer(observation(scrapes()))
    assert computed.keys() == answered.keys() >= NEEDED
    assert values(computed) == pytest.approx(values(answered), rel=1e-9)
    assert len(values(answered)) > 20
    assert answered[MISSING].samples == ()


def test_slow_queries_are_answered_once_a_minute_as_the_operator_asks_them() -> None:
    prometheus = SimulatedPrometheus(request())
    first, soon, later = (prometheus.answer(seen_at(second)) for second in (780.0, 795.0, 840.0))
    for query in (LENGTHS, ENGINES):
        assert first[query] is soon[query]
        assert first[query] != later[query]
    assert first[ARRIVALS] != soon[ARRIVALS]


def seen_at(second: float) -> Observation:
    """The deployment at a second, with the scrapes until then."""
    return replace(observation(tuple(one for one in scrapes() if one.sample.second <= second)), second=second)


def test_the_simulator_can_compute_every_expression_of_its_dialect() -> None:
    dialect = builtin().dialects["vllm"]
    bounds = {"vllm": dict.fromkeys((Signal.TTFT, Signal.TPOT, Signal.E2E), (1.0,))}
    asked = value_queries(QueryRequest((dialect,), bounds))
    assert set(SimulatedPrometheus(QueryRequest((dialect,), bounds)).answer(observation(()))) >= set(asked)


def test_a_bucket_query_selects_its_bounds_and_the_last_bucket() -> None:
    columns = Columns()
    compiled(increase(Signal.TTFT, 60.0, Grouping.BUCKET, SeriesPart.BUCKET, (0.5, 1.0)), columns)
    assert [name.bound for name in columns.names] == [0.5, 1.0, float("inf")]

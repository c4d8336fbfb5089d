"""Every dialect against a metrics page of its engine: vLLM's is a recording, the others are made from published lists."""

from __future__ import annotations

import pytest

from engines.metrics.dialect import dialect_of
from engines.metrics.exposition import Role, parse_page
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.metrics import MetricDialect, MetricType, Signal
from modelmatrix.signals.fleet_queries import LATENCIES

ENGINES = list(builtin().engines.values())
CLAIMS = [(engine, signal) for engine in ENGINES for signal in builtin().dialects[engine.dialect].metrics]
engines = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def types(engine: Engine) -> dict[str, str]:
    """Types by name, as the page declares them."""
    rows = (row.split(" ") for row in dialect_of(engine.name).text.splitlines() if row.startswith("# TYPE "))
    return {name: kind for _, _, name, kind in rows}


def spoken_by(engine: Engine) -> MetricDialect:
    return builtin().dialects[engine.dialect]


@pytest.mark.parametrize(("engine", "signal"), CLAIMS, ids=lambda item: getattr(item, "name", None))
def test_a_signal_is_on_the_page_under_its_newest_name_and_of_its_kind(engine: Engine, signal: Signal) -> None:
    newest = spoken_by(engine).metrics[signal][0]
    assert types(engine).get(newest) == signal.instrument


@engines
def test_histogram_bounds_are_those_of_the_page(engine: Engine) -> None:
    """Where the engine takes none of ours, or did not always. Bounds below a millisecond are no SLO's."""
    dialect = spoken_by(engine)
    if dialect.buckets == "given" and not dialect.given_since:
        assert not dialect.bounds
        return
    assert set(dialect.bounds) == set(LATENCIES) & set(dialect.metrics)
    for signal, bounds in dialect.bounds.items():
        name = dialect.metrics[signal][0]
        shown = {dict(line.labels)["le"] for line in parse_page(dialect_of(engine.name).text) if is_bucket(line, name)}
        assert [float(bound) for bound in sorted(shown - {"+Inf"}, key=float) if float(bound) >= 0.001] == list(bounds)


def is_bucket(line: object, name: str) -> bool:
    return (getattr(line, "role", None), getattr(line, "base", None)) == (Role.BUCKET, name)


@engines
def test_how_many_replicas_are_measured_is_seen_by_the_queue(engine: Engine) -> None:
    dialect = spoken_by(engine)
    assert Signal.WAITING in dialect.metrics
    assert Signal.WAITING not in dialect.when_used


@engines
def test_arrivals_can_be_told(engine: Engine) -> None:
    known = set(spoken_by(engine).metrics)
    assert {Signal.RECEIVED} <= known or {Signal.FINISHED, Signal.RUNNING} <= known or {Signal.OUTPUT_TOKENS} <= known


def test_engines_lack_what_is_written_about_them() -> None:
    """What is not there is not asked for; the readings say so where an SLO needs it."""
    latencies = {name: set(LATENCIES) & set(one.metrics) for name, one in builtin().dialects.items()}
    assert {name: len(found) for name, found in latencies.items()} == {
        "llama-cpp": 0,
        "mindie": 3,
        "sglang": 3,
        "tei": 1,
        "vllm": 3,
    }
    assert [name for name, one in builtin().dialects.items() if Signal.RUNNING not in one.metrics] == ["tei"]
    assert [name for name, one in builtin().dialects.items() if one.empty_until_used] == ["tei"]


@pytest.mark.parametrize("signal", list(Signal))
def test_every_signal_has_a_kind(signal: Signal) -> None:
    assert signal.instrument in MetricType

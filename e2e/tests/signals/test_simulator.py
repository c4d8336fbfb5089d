"""The simulator's vectors and the recorded ones, beside those of a real Prometheus that has the same metrics pages."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcluster.build.programs import Programs
from modelmatrix.signals.vectors import parse_vector
from modelmatrix.simulation.metrics.prometheus import SimulatedPrometheus
from signals.recorded_answers import fresh_documents, recorded_vectors, request, values
from signals.simulated_pages import observation, scrapes

pytestmark = pytest.mark.cluster


def test_prometheus_answers_what_was_recorded_and_what_the_simulator_computes(programs: Programs, tmp_path: Path) -> None:
    documents = fresh_documents(programs, tmp_path, scrapes())
    fresh = {name: parse_vector(200, json.dumps(document).encode()) for name, document in documents.items()}
    assert values(fresh) == pytest.approx(values(recorded_vectors()), rel=1e-9)
    assert values(SimulatedPrometheus(request()).answer(observation(scrapes()))) == pytest.approx(values(fresh), rel=1e-9)

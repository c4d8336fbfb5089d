"""What a real Prometheus answered to the operator's queries about the simulated pages, as a file.

Tests without Prometheus compare the simulator with the file; a test with Prometheus compares the file with fresh answers.
``PYTHONPATH=e2e:operator .venv/bin/python -m signals.recorded_answers`` writes it anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcluster.build.artifacts import ARTIFACTS
from localcluster.build.builder import build_missing
from localcluster.build.programs import Programs
from localcluster.progress import Progress
from modelmatrix.catalogue.loader import builtin
from modelmatrix.signals.fleet_queries import QueryRequest, query_set
from modelmatrix.signals.slo_buckets import SloBuckets, slo_buckets
from modelmatrix.signals.vectors import Vector, parse_vector
from modelmatrix.simulation.metrics.signal_reader import ENGINE, histograms_of
from signals.backfill import BackfilledSeries
from signals.server import prometheus
from signals.simulated_pages import SCRAPE_SECONDS, SLO, Scrape, backfill, scrapes

FILE = Path(__file__).with_name("recorded_answers.json")
NAMESPACE, DEPLOYMENT = "simulation", "deployment"
_OK = 200


def bounds() -> SloBuckets:
    """The histogram bounds that count for the deployment's SLO."""
    return slo_buckets((histograms_of(scrapes()[0].sample),), SLO)


def request() -> QueryRequest:
    """What the operator asks about the deployment."""
    dialect = builtin().dialects[builtin().engines[ENGINE].dialect]
    seconds = {name: {signal: (bound,) for signal, bound in one.items()} for name, one in bounds().seconds.items()}
    return QueryRequest((dialect,), seconds)


def recorded_vectors() -> dict[str, Vector]:
    """The recorded answers, parsed as the operator parses them."""
    documents = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: parse_vector(_OK, json.dumps(document).encode()) for name, document in documents.items()}


def fresh_documents(programs: Programs, folder: Path, shown: tuple[Scrape, ...]) -> dict[str, dict[str, Any]]:
    """The answers of a Prometheus that has the pages, with times relative to the moment of the query."""
    now = time.time()
    past = BackfilledSeries(now=now - now % SCRAPE_SECONDS)
    backfill(shown, past, NAMESPACE, DEPLOYMENT)
    with prometheus(programs, folder, past) as url:
        expressions = query_set(request(), 1.0).expressions
        return {name: _answer(url, text, past.now) for name, text in expressions.items()}


def _answer(url: str, expression: str, at: float) -> dict[str, Any]:
    form = urllib.parse.urlencode({"query": expression, "time": f"{at:.3f}"}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", form, timeout=30) as response:  # noqa: S310 - our own server
        document: dict[str, Any] = json.load(response)
    for element in document["data"]["result"]:
        element["value"][0] = 0
    document["data"]["result"].sort(key=lambda element: sorted(element["metric"].items()))
    return document


def programs() -> Programs:
    """Prometheus and promtool, built if need be."""
    needed = [artifact for artifact in ARTIFACTS if artifact.name in {"prometheus", "promtool"}]
    return build_missing(Progress(sys.stderr, live=False), artifacts=needed)


def values(vectors: Mapping[str, Vector]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every element's value by query and labels."""
    return {(query, frozenset(labels.items())): value for query, vector in vectors.items() for labels, value in vector.samples}


def main() -> None:
    """Record the answers."""
    with tempfile.TemporaryDirectory() as folder:
        documents = fresh_documents(programs(), Path(folder), scrapes())
    FILE.write_text(json.dumps(documents, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Metrics pages of every engine, scraped by a real Prometheus at fifteen times the speed: all that is asked for is found."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from engines.metrics.dialect import dialect_of
from localcluster.build.programs import Programs
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.signals.vectors import Vector
from modelmatrix.telemetry.prometheus_client import Prometheus
from signals.pages import serving
from signals.scenario import LONG_AGO, NAME, Scenario, queries
from signals.server import prometheus

pytestmark = pytest.mark.cluster

SCALE = 15.0
LONG_WINDOW_SECONDS = 180 / SCALE
ENGINES = sorted(builtin().engines)
ALONE = {"a": LONG_AGO}


def nothing(_: object) -> None:
    """The past is real here."""


FLEET = {name.lower().replace(".", "-"): (Scenario(add_pods=nothing, replicas=ALONE, engine=name), name) for name in ENGINES}
PAGES = {f"/{key}": dialect_of(name).text for key, (_, name) in FLEET.items()}
PAGES |= {"/empty": "", "/renamed": dialect_of("vLLM").text.replace("vllm:", "vllm_")}
PAGES |= {"/partly": dialect_of("vLLM").text.replace("vllm:generation_tokens_total", "vllm:output_tokens_total")}
FLEET |= {"empty": (Scenario(add_pods=nothing, replicas=ALONE, engine="TEI"), "TEI")}
FLEET |= {key: (Scenario(add_pods=nothing, replicas=ALONE), "vLLM") for key in ("renamed", "partly", "gone")}


def job(address: str, key: str, number: int) -> dict[str, Any]:
    """One of two jobs that scrape the same pods, as two monitors or two servers behind a Thanos: everything is there twice."""
    labels = {"namespace": key, "pod": "a", "modelmatrix_io_deployment": NAME, "modelmatrix_io_pool": "p"}
    labels |= {"replica": f"prometheus-{number}", "any_label_of_a_setup": str(number)}
    return {
        "job_name": f"{key}-{number}",
        "metrics_path": f"/{key}",
        "honor_labels": False,
        "static_configs": [{"targets": [address], "labels": labels}],
    }


@pytest.fixture(scope="module")
def vectors(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Vector]]:
    """One look at the whole fleet, once the long window has passed."""
    with serving(PAGES) as address:
        jobs = [job(address, key, number) for key in FLEET for number in (1, 2)]
        with prometheus(programs, tmp_path_factory.mktemp("prometheus"), scrape=jobs) as url:
            time.sleep(LONG_WINDOW_SECONDS + 4)
            yield asyncio.run(look(url))


async def look(url: str) -> dict[str, Vector]:
    async with Prometheus(url, 30) as client:
        asked = queries((one for one, _ in FLEET.values()), time_scale=SCALE).expressions
        return {name: await client.query(text) for name, text in asked.items()}


@pytest.mark.parametrize("key", [name.lower().replace(".", "-") for name in ENGINES])
def test_a_page_that_does_not_change_proves_idleness(vectors: Mapping[str, Vector], key: str) -> None:
    reading = FLEET[key][0].read(vectors, key, SCALE)
    assert reading.quality is Reason.NO_TRAFFIC, reading.message
    assert reading.traffic is not None
    assert reading.traffic.arrivals_per_second_fast == 0


def test_an_empty_page_of_an_engine_that_has_such(vectors: Mapping[str, Vector]) -> None:
    assert FLEET["empty"][0].read(vectors, "empty", SCALE).quality is Reason.NO_TRAFFIC


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("renamed", "show no vllm:num_requests_waiting although their targets are up"),
        ("partly", "do not show vllm:generation_tokens_total although their targets are up"),
        ("gone", "cannot be scraped (a)"),
    ],
)
def test_other_names_raise_a_condition(vectors: Mapping[str, Vector], key: str, words: str) -> None:
    reading = FLEET[key][0].read(vectors, key, SCALE)
    assert reading.quality is Reason.SIGNALS_MISSING
    assert words in reading.message

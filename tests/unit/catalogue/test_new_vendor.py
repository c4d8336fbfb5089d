"""A chip of a vendor that the built-in catalogue does not know: data files alone make the planner place and render it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalogue_data import data_folder
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import builtin, load
from rendered import Case, leader, workload

HYGON = Path(__file__).parents[2] / "reference" / "hygon"
POOL = {"resourceName": "hygon.com/dcu", "driver": "Host", "supplementalGroups": [44]}
CASE = Case("vllm-dcu", "bw1000-64g", "Qwen3-32B", "BF16", pool=POOL)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The built-in data with Hygon's files laid over it."""
    return load(data_folder(tmp_path_factory.mktemp("catalogue") / "data", HYGON))


def test_the_chip_is_not_built_in() -> None:
    assert "hygon" not in builtin().vendors
    assert builtin().accelerator(CASE.chip) is None


def test_what_is_built_in_stays_as_it_is(catalogue: Catalogue) -> None:
    assert {name: catalogue.engines[name] for name in builtin().engines} == builtin().engines
    assert builtin().accelerators.items() <= catalogue.accelerators.items()


def test_the_vendors_engine_is_chosen_and_its_pod_rendered(catalogue: Catalogue, golden: Any) -> None:
    golden(f"rendering/{CASE.name}", workload(CASE, catalogue))


def test_an_old_image_is_not_given_flags_that_it_does_not_know(catalogue: Catalogue) -> None:
    arguments = leader(workload(CASE, catalogue))["args"]
    assert "--tensor-parallel-size" in arguments
    assert not {"--shutdown-timeout", "--custom-histogram-buckets"} & set(arguments)

"""The data files: strict, complete, unique and with sources."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmatrix.api.profiles import Task
from modelmatrix.catalogue import loader as load
from modelmatrix.catalogue.accelerators import Accelerator, Vendor
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.loader import architecture_rules, builtin
from modelmatrix.catalogue.metrics import MetricDialect
from modelmatrix.catalogue.models import Model

DATA = Path(load.__file__).parent / "data"
FOLDERS = ("vendors", "families", "accelerators", "models", "engines", "dialects")
FILES = sorted(path for folder in FOLDERS for path in (DATA / folder).iterdir())


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def slug(name: str) -> str:
    """The file name of an id: its last part in lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower().rpartition("/")[2]).strip("-")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_named_after_its_entry(path: Path) -> None:
    entry = content(path)
    name = slug(entry.get("id") or entry["name"])
    assert path.stem in (name, name.replace(".", "-"))


def test_every_file_is_in_the_catalogue() -> None:
    counts = Counter(path.parent.name for path in FILES)
    found = builtin()
    assert counts == {
        "vendors": len(found.vendors),
        "families": len(next(iter(found.compatibility.support.values()))),
        "accelerators": len(found.accelerators),
        "models": len(found.models),
        "engines": len(found.engines),
        "dialects": len(found.dialects),
    }


@pytest.mark.parametrize("model", builtin().models, ids=lambda model: model.id)
def test_a_model_agrees_with_itself(model: Model) -> None:
    assert model.default_max_model_len <= model.max_position_embeddings
    assert model.attention_heads % model.key_value_heads == 0
    assert model.parameters.active <= model.parameters.total
    assert (model.experts is None) == (model.parameters.routed_experts == 0)
    assert model.key_value_layers != 0 or model.task is not Task.GENERATE, "only encoders have no cache"
    if model.experts:
        assert model.experts.active <= model.experts.count
        assert model.parameters.active > 0


@pytest.mark.parametrize("vendor", builtin().vendors.values(), ids=lambda vendor: vendor.id)
def test_a_vendor_launches_a_layer_in_microseconds(vendor: Vendor) -> None:
    assert 1e-6 < vendor.launch_seconds_per_layer < 1e-3


@pytest.mark.parametrize("chip", builtin().accelerators.values(), ids=lambda chip: chip.id)
def test_an_accelerator_agrees_with_itself(chip: Accelerator) -> None:
    assert chip.usable_gibibytes <= chip.memory_mebibytes / 1024 + 0.01, "the framework sees less than there is"
    assert list(chip.device_counts) == sorted(set(chip.device_counts))
    assert chip.device_counts[0] == 1
    assert chip.device_counts[-1] == chip.devices_per_node
    assert chip.labels


def test_only_the_300i_cards_share_a_label_value() -> None:
    """Where two chips share one, only the label of their memory, or the pool's own spec.accelerator, tells them apart."""
    owners: dict[tuple[str, str], list[str]] = {}
    for chip in builtin().accelerators.values():
        for label, values in chip.labels.items():
            for value in values:
                owners.setdefault((label, value), []).append(chip.id)
    shared = [names for names in owners.values() if len(names) > 1]
    assert shared == [["310p3-24g", "310p3-duo-48g"]]


@pytest.mark.parametrize("engine", builtin().engines.values(), ids=lambda engine: engine.name)
def test_an_engine_has_sources_for_what_it_claims(engine: Engine) -> None:
    assert engine.memory.source
    assert engine.drain.source
    assert engine.architectures.source
    assert 0.5 < engine.memory.utilization <= 1
    assert engine.built_in


def test_engines_list_only_architectures_that_some_model_has_or_may_have() -> None:
    known = {model.architecture for model in builtin().models} | set(architecture_rules().architectures)
    for engine in builtin().engines.values():
        listed = {*engine.architectures.listed, *(name for names in engine.architectures.families.values() for name in names)}
        assert listed <= known, engine.name


@pytest.mark.parametrize("dialect", builtin().dialects.values(), ids=lambda dialect: dialect.name)
def test_a_dialect_has_names_and_bounds(dialect: MetricDialect) -> None:
    assert all(dialect.metrics.values())
    assert set(dialect.when_used) <= set(dialect.metrics)
    for bounds in dialect.bounds.values():
        assert list(bounds) == sorted(set(bounds))
    has_own = dialect.buckets == "fixed" or bool(dialect.given_since)
    assert has_own == bool(dialect.bounds) or dialect.name == "llama-cpp"


def test_histogram_bounds_ascend_and_hold_the_usual_objectives() -> None:
    given = builtin().histograms
    for bounds in (given.time_to_first_token, given.inter_token_latency, given.request_latency):
        assert list(bounds) == sorted(set(bounds))
    assert {0.2, 0.5, 0.8, 1, 1.5, 2, 3, 5} <= set(given.time_to_first_token)
    assert {0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.2} <= set(given.inter_token_latency)


def test_bounds_of_a_signal_are_given_or_the_engines_own() -> None:
    found = builtin()
    assert found.bounds(found.engines["vLLM"], "vllm:v0.32.0", "tpot") == found.histograms.inter_token_latency
    assert found.bounds(found.engines["MindIE"], "mindie:2.3.0", "ttft")[-1] == 10
    assert found.bounds(found.engines["TEI"], "tei:1.9", "ttft") == ()


def test_formats_have_a_source_and_shrink_as_their_bits_do() -> None:
    formats = builtin().compatibility.formats
    assert all(form.source for form in formats.values())
    assert builtin().compatibility.sources
    assert {str(q): f.block for q, f in formats.items() if f.block} == {"FP8": 128}
    sizes = {str(quantization): form.experts for quantization, form in formats.items()}
    assert sizes["BF16"] == sizes["FP16"] == 2
    assert 1 <= sizes["FP8"] < sizes["W8A8"] < 1.01
    assert all(0.5 < sizes[name] < 0.61 for name in ("W4A16", "AWQ", "GPTQ", "W4A8", "INT4", "MXFP4", "NVFP4", "GGUF"))

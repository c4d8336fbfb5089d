"""What a result depends on, and what it is remembered as."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark import cache, sources
from benchmark.cache import cache_key, is_cached, load_or_compute
from benchmark.sources import closure


def names(*modules: str) -> set[str]:
    return {path.stem for path in closure(modules)}


def test_a_run_depends_on_the_simulator_and_not_on_who_decides() -> None:
    found = names("benchmark.environment.run")
    assert {"run", "steps", "replica", "engine_timing"} <= found
    assert not {"policy_of_peers", "hpa", "capacity_need", "operator_policy", "report"} & found


def test_the_product_depends_on_its_policy_and_a_peer_on_its_own() -> None:
    assert {"operator_policy", "forecast", "capacity_need"} <= names("benchmark.autoscalers.own_policy")
    peer = names("benchmark.peers.keda")
    assert {"keda", "hpa", "signals", "owner_settings"} <= peer
    assert not {"kubeai", "capacity_need"} & peer


def test_a_changed_source_makes_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "e2e" / "benchmark"
    package.mkdir(parents=True)
    (package / "first.py").write_text("from benchmark import second\n")
    (package / "second.py").write_text("VALUE = 1\n")
    monkeypatch.setattr(sources, "_ROOTS", {"benchmark": tmp_path / "e2e"})
    monkeypatch.setattr(sources, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sources, "_DATA", ())
    before = sources.digest.__wrapped__("benchmark.first")
    (package / "second.py").write_text('"""What it is."""\n\nVALUE = 1  # why\n')
    assert sources.digest.__wrapped__("benchmark.first") == before
    (package / "second.py").write_text("VALUE = 2\n")
    assert sources.digest.__wrapped__("benchmark.first") != before


def test_what_was_computed_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    name, asked = cache_key("scenario", 1), []

    def compute() -> dict[str, int]:
        asked.append(1)
        return {"value": 7}

    assert not is_cached(name)
    assert load_or_compute(name, compute) == load_or_compute(name, compute) == {"value": 7}
    assert is_cached(name)
    assert len(asked) == 1
    assert cache_key("scenario", 2) != name

"""Pictures are drawn, small, and the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.report import plots as pictures
from fakes.benchmark_study import study

pytest.importorskip("matplotlib", reason="the dependency group benchmark is not installed: make .venv/benchmark")


def test_two_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PICTURES", tmp_path)
    pictures.draw(study())
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(drawn) == {pictures.DAY, pictures.FRONTIER}
    assert all(2_000 < len(content) < 200_000 for content in drawn.values())
    pictures.draw(study())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == drawn

"""The paths that the benchmark reads and writes."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TRACES = REPOSITORY / "tests" / "traces"
DOCUMENT = REPOSITORY / "docs" / "benchmark.md"
PICTURES = REPOSITORY / "docs" / "benchmark"
CACHE = Path(os.environ.get("MODELMATRIX_CACHE", Path.home() / ".cache" / "modelmatrix")) / "benchmark"

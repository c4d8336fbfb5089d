"""Prints how well the engine model predicts published measurements, as Markdown: ``python tests/unit/accuracy/accuracy.py``.

With ``--simulate`` the H100 systems are also judged by simulating their benchmark, which takes a few minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "operator"))

from accuracy.fitting import Measurement  # noqa: E402 - after the path is set
from accuracy.perf_points import read_silicon, read_splitwise  # noqa: E402 - same
from accuracy.validation import (  # noqa: E402 - same
    Accuracy,
    judge_closed_loop,
    judge_fixed_batch,
    judge_simulation,
    split,
    summary,
    to_markdown,
)

PERF = ROOT / "tests" / "traces" / "perf"


def is_plausible(system: str, point: Measurement) -> bool:
    """Two devices and a batch of 64: its prompts are said to take an eighth of the time of 32, so it did not fit."""
    return not (system.endswith("tp2") and point.batch == 64)


def rows(*, simulate: bool) -> list[tuple[str, Accuracy]]:
    """One or two rows a system that has enough points."""
    found = []
    for system, points in sorted(read_splitwise(PERF / "splitwise_perf_model.csv.gz").items()):
        parts = split([point for point in points if is_plausible(system, point)])
        if parts.is_enough:
            found.append((system, judge_fixed_batch(parts)))
    for system, points in sorted(read_silicon(PERF / "aiconfigurator_silicon_sample.csv.gz").items()):
        parts = split(points)
        if not parts.is_enough:
            continue
        found.append((system, judge_closed_loop(parts)))
        if simulate and "h100" in system and "235B" not in system:
            found.append((system, judge_simulation(parts, waves=1 if "sglang" in system else 4)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="also simulate the benchmarks of the H100 systems")
    found = rows(simulate=parser.parse_args().simulate)
    print(f"{summary(found)}\n\n{to_markdown(found)}")  # noqa: T201 - a script that prints a table


if __name__ == "__main__":
    main()

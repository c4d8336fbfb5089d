"""How long ``kubectl matrix`` takes to start, as a ratio to importing the libraries that it is made with.

``python tests/perf/startup.py`` prints the median processor time of whole processes in milliseconds. The second reference also
defines one model: pydantic imports most of itself only then, which every command but ``--help`` needs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 15

PLUGIN = (sys.executable, "-c", "from modelmatrix.cli.main import main; main()")
FILES = ("--offline", "-f", str(ROOT / "manifests" / "banks" / "icbc"))
COMMANDS = {
    "import pydantic, click, yaml": (sys.executable, "-c", "import pydantic, click, yaml"),
    "the same and one model": (
        *(sys.executable, "-c"),
        "import pydantic, click, yaml; pydantic.create_model('Model', field=int)(field=1)",
    ),
    "--help": (*PLUGIN, "--help"),
    "plan --offline": (*PLUGIN, "plan", *FILES),
    "report --offline": (*PLUGIN, "report", *FILES),
}


def milliseconds(command: tuple[str, ...]) -> float:
    """Processor time of one run: the time of day would count what other processes do."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return 1000 * (usage.ru_utime + usage.ru_stime)


def main() -> None:
    """Run all commands in turn, so that a slow minute of the machine slows all of them."""
    rounds = [{name: milliseconds(command) for name, command in COMMANDS.items()} for _ in range(RUNS)]
    medians = {name: statistics.median(times[name] for times in rounds) for name in COMMANDS}
    reference = next(iter(medians.values()))
    for name, median in medians.items():
        sys.stdout.write(f"{name:30}{median:6.0f} ms  {median / reference:5.2f}\n")


if __name__ == "__main__":
    main()

"""``python -m engines``: simulates the engines of a local cluster. Most options have an environment variable."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from engines.clock import ModelClock
from engines.cluster.kubeconfig import read_kubeconfig
from engines.process import Options, run_engines
from engines.profiles import load_profiles


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line; exits with a message if an option is missing or invalid."""
    parser = argparse.ArgumentParser(prog="python -m engines", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=os.environ.get("KUBECONFIG"), help="of the cluster (KUBECONFIG)")
    parser.add_argument("--port", type=int, default=os.environ.get("ENGINES_PORT"), help="on 127.0.0.1 (ENGINES_PORT)")
    parser.add_argument("--schedule", type=Path, help="traffic and faults (YAML), read again when it changes")
    parser.add_argument("--profiles", type=Path, help="timing, limits and start-up times (YAML)")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=os.environ.get("TIME_SCALE", "1"),
        help="model seconds per second, 1 to 15 (TIME_SCALE)",
    )
    parsed = parser.parse_args(arguments)
    if parsed.kubeconfig is None or parsed.port is None:
        parser.error("--kubeconfig and --port (or KUBECONFIG and ENGINES_PORT) are required")
    return parsed


def main() -> int:
    """Simulate engines until a signal; returns the exit code."""
    parsed = parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        options = Options(
            access=read_kubeconfig(parsed.kubeconfig),
            port=parsed.port,
            profile_of=load_profiles(parsed.profiles),
            time_scale=ModelClock(parsed.time_scale).scale,
            schedule=parsed.schedule,
        )
        asyncio.run(run_engines(options))
    except (OSError, ValueError) as error:
        print(f"cannot simulate engines: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

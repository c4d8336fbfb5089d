"""``python -m engines``: plays the engines of a local cluster. Every option can be an environment variable."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from engines.clock import ModelClock
from engines.cluster.kubeconfig import read_kubeconfig
from engines.process import Options, play
from engines.profiles import load_profiles


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=os.environ.get("KUBECONFIG"), help="of the cluster (KUBECONFIG)")
    parser.add_argument("--port", type=int, default=os.environ.get("ENGINES_PORT"), help="on 127.0.0.1 (ENGINES_PORT)")
    parser.add_argument("--schedule", type=Path, help="traffic and faults (YAML), read again when it changes")
    parser.add_argument("--profiles", type=Path, help="timing, limits and start-up times (YAML)")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=os.environ.get("TIME_SCALE", "1"),
        help="model seconds a second, 1 to 15 (TIME_SCALE)",
    )
    found = parser.parse_args(arguments)
    if found.kubeconfig is None or found.port is None:
        parser.error("--kubeconfig and --port (or KUBECONFIG and ENGINES_PORT) are needed")
    return found


def main() -> int:
    """Play until stopped."""
    found = parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        options = Options(
            access=read_kubeconfig(found.kubeconfig),
            port=found.port,
            profile_of=load_profiles(found.profiles),
            time_scale=ModelClock(found.time_scale).scale,
            schedule=found.schedule,
        )
        asyncio.run(play(options))
    except (OSError, ValueError) as error:
        print(f"cannot play engines: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

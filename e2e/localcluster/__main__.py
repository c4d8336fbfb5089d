"""The command line ``python -m localcluster build|up|down|status``; the library can do everything that it does."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from localcluster import report, shutdown, startup
from localcluster.build import builder as build
from localcluster.errors import LocalClusterError
from localcluster.options import Options, from_environment
from localcluster.paths import cache_root
from localcluster.progress import on_standard_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 success, 1 an error with its message on stderr, 130 interrupted."""
    parsed = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        options = _options(parsed)
        _COMMANDS[parsed.command](options)
    except LocalClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: all started processes are stopped.", file=sys.stderr)
        return _INTERRUPTED
    return 0


def _build(_: Options) -> None:
    programs = build.build_missing(on_standard_output())
    print(f"{len(programs.paths)} programs are built, in {cache_root()}")


def _up(options: Options) -> None:
    print(report.describe(startup.up(options)))


def _down(options: Options) -> None:
    was_up = shutdown.down(options, progress=on_standard_output())
    print(f"The cluster {options.name!r} is {'down' if was_up else 'down already'}.")


def _status(options: Options) -> None:
    print(report.describe(startup.attach(options.name)))


_COMMANDS = {"build": _build, "up": _up, "down": _down, "status": _status}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=sys.modules["localcluster"].__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the programs that the cache lacks")
    up = commands.add_parser("up", help="bring the cluster up")
    up.add_argument("--time-scale", type=float, help="metrics are scraped every 15 s / N (TIME_SCALE, 1..15, default 15)")
    up.add_argument("--fast-pods", action="store_true", help="pods of engines become Ready at once too (FAST_PODS=1)")
    others = [commands.add_parser("down", help="stop it"), commands.add_parser("status", help="show processes and addresses")]
    for command in (up, *others):
        command.add_argument("--name", help="which cluster (CLUSTER, default 'cluster')")
    return parser


def _options(parsed: argparse.Namespace) -> Options:
    options = from_environment(os.environ)
    time_scale = getattr(parsed, "time_scale", None)
    return replace(
        options,
        name=getattr(parsed, "name", None) or options.name,
        time_scale=options.time_scale if time_scale is None else time_scale,
        fast_pods=getattr(parsed, "fast_pods", False) or options.fast_pods,
    )


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

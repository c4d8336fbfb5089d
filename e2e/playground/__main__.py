"""``python -m playground up|down|demo``, which ``make up``, ``make down`` and ``make demo`` run."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from localcluster.errors import LocalClusterError
from localcluster.report import describe
from playground import lifecycle
from playground.options import PlaygroundOptions, options_from_environment

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit code: 0 success, 1 an error with its message on stderr, 130 interrupted."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    command = COMMANDS.get(arguments[0] if arguments else "")
    if command is None:
        print(f"usage: python -m playground {'|'.join(COMMANDS)}", file=sys.stderr)
        return 1
    try:
        command(options_from_environment())
    except LocalClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _up(options: PlaygroundOptions) -> None:
    print(describe(lifecycle.up(options)))


def _down(options: PlaygroundOptions) -> None:
    was_up = lifecycle.down(options)
    print(f"The cluster {options.cluster.name!r} is {'down' if was_up else 'down already'}.")


def _demo(options: PlaygroundOptions) -> None:
    from playground.demo import run  # noqa: PLC0415 - up and down do not need it

    run(options)


COMMANDS: dict[str, Callable[[PlaygroundOptions], None]] = {"up": _up, "down": _down, "demo": _demo}


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

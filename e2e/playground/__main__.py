"""``python -m playground up|down|demo``: what ``make up``, ``make down`` and ``make demo`` run."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from localcluster.errors import LocalClusterError
from localcluster.report import describe
from playground import lifecycle as bringup
from playground.options import Wishes, wishes_from_environment

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    command = COMMANDS.get(arguments[0] if arguments else "")
    if command is None:
        print(f"usage: python -m playground {'|'.join(COMMANDS)}", file=sys.stderr)
        return 1
    try:
        command(wishes_from_environment())
    except LocalClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _up(wishes: Wishes) -> None:
    print(describe(bringup.up(wishes)))


def _down(wishes: Wishes) -> None:
    was_up = bringup.down(wishes)
    print(f"The cluster {wishes.options.name!r} is {'down' if was_up else 'down already'}.")


def _demo(wishes: Wishes) -> None:
    from playground.demo import run  # noqa: PLC0415 - up and down need none of it

    run(wishes)


COMMANDS: dict[str, Callable[[Wishes], None]] = {"up": _up, "down": _down, "demo": _demo}


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Reports progress: one line per finished step, and on a terminal a counter that overwrites itself."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LABEL_WIDTH = 26


@dataclass(slots=True)
class Step:
    """One step under way."""

    label: str
    started_seconds: float
    progress: Progress
    outcome: str = "done"

    def update(self, detail: str) -> None:
        """Show the detail of a step in progress; prints nothing unless the output is a terminal."""
        self.progress.draw(self.label, detail, self.progress.clock() - self.started_seconds)


@dataclass(slots=True)
class Progress:
    """The output of steps.

    Attributes:
        stream: the stream that gets the lines.
        live: whether a counter may overwrite itself; off for anything but a terminal, so that logs stay readable.
        clock: seconds, monotonic.
    """

    stream: TextIO
    live: bool
    clock: Callable[[], float] = time.monotonic
    _drawn: bool = field(default=False, init=False)

    @contextmanager
    def step(self, label: str) -> Iterator[Step]:
        """A step; its line with its duration is printed when it succeeds."""
        step = Step(label, self.clock(), self)
        step.update("...")
        try:
            yield step
        finally:
            self._erase()
        self.say(_line(label, step.outcome, self.clock() - step.started_seconds))

    def draw(self, label: str, detail: str, elapsed_seconds: float) -> None:
        """Overwrite the counter."""
        if self.live:
            self._erase()
            # A line that wraps could not be erased.
            columns = shutil.get_terminal_size().columns
            self.stream.write(_line(label, detail, elapsed_seconds)[: columns - 1])
            self.stream.flush()
            self._drawn = True

    def say(self, text: str) -> None:
        """Print one line."""
        self._erase()
        self.stream.write(text + "\n")
        self.stream.flush()

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self._drawn = False


def on_standard_output() -> Progress:
    """Progress on standard output; plain lines when it is not a terminal."""
    return Progress(sys.stdout, live=sys.stdout.isatty())


def _line(label: str, detail: str, elapsed_seconds: float) -> str:
    return f"  {label:<{LABEL_WIDTH}} {detail:<24} {elapsed_seconds:6.1f} s"

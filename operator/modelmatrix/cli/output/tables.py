"""Tables and paragraphs that fit a terminal, and nothing fancy where the output is none."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

GAP = 2
MIN_LAST = 24
WIDTH = 100  # columns where the output is no terminal
COLORS = {"good": "32", "bad": "31", "dim": "2"}


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows in aligned columns; on a terminal the last column is cut to fit, elsewhere nothing is."""
    lines = [[str(cell) if cell is not None else "-" for cell in row] for row in rows]
    widths = [max([len(header), *(len(line[index]) for line in lines)]) for index, header in enumerate(headers)]
    room = _columns() - sum(width + GAP for width in widths[:-1]) if sys.stdout.isatty() else None
    rendered = [_line(list(headers), widths, room), *(_line(line, widths, room) for line in lines)]
    return "\n".join(rendered)


def paragraph(text: str, *, indent: int = 0) -> str:
    """Text in lines that fit, each of them indented."""
    space = " " * indent
    return textwrap.fill(
        text, _columns(), initial_indent=space, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
    )


def colorize(text: str, color: str) -> str:
    """Coloured text on a terminal that wants colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLORS[color]}m{text}\x1b[0m"


def _columns() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def _line(cells: list[str], widths: Sequence[int], room: int | None) -> str:
    *first, last = cells
    if room is not None and len(last) > max(room, MIN_LAST):
        last = last[: max(room, MIN_LAST) - 1] + "…"
    return ("".join(cell.ljust(width + GAP) for cell, width in zip(first, widths, strict=False)) + last).rstrip()

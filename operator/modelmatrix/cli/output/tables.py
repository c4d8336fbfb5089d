"""Tables and paragraphs that fit a terminal; plain text without colours where the output is not a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

GAP = 2
MIN_LAST = 24
WIDTH = 100  # columns where the output is not a terminal
COLORS = {"good": "32", "bad": "31", "dim": "2"}


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows in aligned columns; on a terminal the last column is cut to the width, elsewhere no column is."""
    lines = [[" ".join(str(cell).splitlines()) if cell is not None else "-" for cell in row] for row in rows]
    widths = [max([len(header), *(len(line[index]) for line in lines)]) for index, header in enumerate(headers)]
    free = _columns() - sum(width + GAP for width in widths[:-1]) if sys.stdout.isatty() else None
    rendered = [_line(list(headers), widths, free), *(_line(line, widths, free) for line in lines)]
    return "\n".join(rendered)


def paragraph(text: str, *, indent: int = 0) -> str:
    """Text wrapped to the width of the terminal, or to 100 columns, each line indented."""
    space = " " * indent
    return textwrap.fill(
        text, _columns(), initial_indent=space, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
    )


def colorize(text: str, color: str) -> str:
    """Coloured text on a terminal, unless NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLORS[color]}m{text}\x1b[0m"


def _columns() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def _line(cells: list[str], widths: Sequence[int], free: int | None) -> str:
    *first, last = cells
    if free is not None and len(last) > max(free, MIN_LAST):
        last = last[: max(free, MIN_LAST) - 1] + "…"
    return ("".join(cell.ljust(width + GAP) for cell, width in zip(first, widths, strict=False)) + last).rstrip()

"""Formats Markdown tables and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, all others are right-aligned."""
    marks = ["---", *["--:" for _ in header[1:]]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows)) + "\n"


def percent(value: float) -> str:
    """A percentage with two decimals, never rounded up to 100."""
    return f"{min(value, 99.99):.2f}" if value < 100.0 - 1e-9 else "100"


def ratio(value: float) -> str:
    """A ratio with two decimals."""
    return f"{value:.2f}"


def hours(value: float) -> str:
    """Hours, with one decimal below 100."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"

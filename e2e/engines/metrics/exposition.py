"""Parses a recorded metrics page into classified lines. It knows the text format, and nothing about engines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE = re.compile(r"^(?P<name>[^{\s]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_PARTS = ("_bucket", "_count", "_sum")


class Role(Enum):
    """The role of a line: text, a single value, or a part of a histogram."""

    TEXT = auto()
    VALUE = auto()
    BUCKET = auto()
    COUNT = auto()
    SUM = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page. ``base`` is the metric that it belongs to: ``x`` for the sample ``x_bucket`` of histogram ``x``."""

    text: str
    role: Role
    name: str = ""
    base: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    value: str = ""

    @property
    def series(self) -> tuple[tuple[str, str], ...]:
        """The labels without ``le``, which all lines of one histogram share."""
        return tuple(label for label in self.labels if label[0] != "le")

    @property
    def stem(self) -> str:
        """The line up to its value."""
        return self.text.rpartition(" ")[0]


def parse_page(text: str) -> Iterator[Line]:
    """The lines of a page in order; the TYPE line above a histogram classifies its samples."""
    histograms: set[str] = set()
    for row in text.splitlines():
        if row.startswith("# TYPE ") and row.endswith(" histogram"):
            histograms.add(row.split(" ")[2])
        match = None if row.startswith("#") else _SAMPLE.match(row)
        yield _sample(row, match, histograms) if match else Line(row, Role.TEXT)


def _sample(row: str, match: re.Match[str], histograms: set[str]) -> Line:
    name, value = match["name"], match["value"]
    labels = tuple(_LABEL.findall(match["labels"] or ""))
    for part, role in zip(_PARTS, (Role.BUCKET, Role.COUNT, Role.SUM), strict=True):
        base = name.removesuffix(part)
        if base != name and base in histograms:
            return Line(row, role, name, base, labels, value)
    return Line(row, Role.VALUE, name, name, labels, value)

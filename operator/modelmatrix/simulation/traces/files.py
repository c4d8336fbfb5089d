"""Opening and parsing trace files, gzipped or not; the only module of the simulation that does I/O.

It knows lines, columns and numbers, and says what is wrong with them in one form. It must not know what a trace means.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from contextlib import contextmanager
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

_GZIP_MAGIC = b"\x1f\x8b"


class TraceError(ValueError):
    """A trace that cannot be read: which file and line, what was expected there, and what was found."""

    def __init__(self, path: Path, line: int, expected: str, found: str) -> None:
        super().__init__(f"{path}, line {line}: expected {expected}, found {found}")
        self.path, self.line, self.expected, self.found = path, line, expected, found


class Row(NamedTuple):
    """A row of a table with the place it came from."""

    path: Path
    line: int
    cells: list[str]

    def error(self, expected: str, found: str) -> TraceError:
        """An error about this row."""
        return TraceError(self.path, self.line, expected, found)

    def number(self, column: int, name: str) -> float:
        """A cell as a finite number that is not negative."""
        try:
            value = float(self.cells[column])
        except ValueError:
            raise self.error(f"a number in column {name!r}", repr(self.cells[column])) from None
        if not isfinite(value) or value < 0:
            raise self.error(f"a number of at least 0 in column {name!r}", self.cells[column])
        return value

    def integer(self, column: int, name: str) -> int:
        """A cell as a whole number that is not negative; ``12.0`` counts as one."""
        value = self.number(column, name)
        if value != int(value):
            raise self.error(f"a whole number in column {name!r}", self.cells[column])
        return int(value)

    def instant_seconds(self, column: int, name: str) -> float:
        """A cell that holds a date and a time, in seconds of the calendar; only differences of them mean something."""
        try:
            moment = datetime.fromisoformat(self.cells[column])
        except ValueError:
            raise self.error(f"a time like 2024-05-12 00:00:10 in column {name!r}", repr(self.cells[column])) from None
        # Without a zone: local daylight saving must not bend a trace.
        return (moment.replace(tzinfo=None) - datetime.min).total_seconds()  # noqa: DTZ901 - only a fixed origin


class Table(NamedTuple):
    """An open CSV file: the names of its columns and its rows."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[Row]


@contextmanager
def open_lines(path: Path) -> Iterator[IO[str]]:
    """The text of a file, unpacked if it is gzipped, whatever its name.

    Raises:
        TraceError: there is no such file, or it is not text, or the gzip data is damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise TraceError(path, 1, "UTF-8 text, gzipped or not", f"byte {error.object[error.start]:#x}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(path, 1, "a readable file, gzipped or not", str(error)) from None


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """A CSV file with a header; every row has as many cells as the header.

    Raises:
        TraceError: the file is empty or cannot be read, or (while iterating) a row is too short or too long.
    """
    with open_lines(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, None)
        if not header:
            raise TraceError(path, 1, "a header line with the names of the columns", "nothing")
        columns = tuple(cell.strip() for cell in header)
        yield Table(path, columns, _rows(path, reader, len(columns)))


def _rows(path: Path, reader: Iterator[list[str]], width: int) -> Iterator[Row]:
    for number, cells in enumerate(reader, start=2):
        if not cells:
            continue
        if len(cells) != width:
            raise TraceError(path, number, f"{width} columns", f"{len(cells)}")
        yield Row(path, number, cells)

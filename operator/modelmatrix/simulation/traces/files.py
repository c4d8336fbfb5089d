"""Opens and parses trace files, gzipped or not; the only module of the simulation that does I/O.

It knows lines, columns and numbers, and reports every error in one form. The meaning of a trace belongs to its reader.
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
    """A trace that cannot be read: the file and line, what the reader expected there, and what it found."""

    def __init__(self, path: Path, line: int, expected: str, found: str) -> None:
        super().__init__(f"{path}, line {line}: expected {expected}, found {found}")
        self.path, self.line, self.expected, self.found = path, line, expected, found


class Row(NamedTuple):
    """A row of a table, with its file and line for error messages."""

    path: Path
    line: int
    cells: list[str]

    def error(self, expected: str, found: str) -> TraceError:
        """A TraceError at this row."""
        return TraceError(self.path, self.line, expected, found)

    def number(self, column: int, name: str) -> float:
        """A cell as a finite number >= 0; raises TraceError otherwise."""
        try:
            value = float(self.cells[column])
        except ValueError:
            raise self.error(f"a number in column {name!r}", repr(self.cells[column])) from None
        if not isfinite(value) or value < 0:
            raise self.error(f"a number of at least 0 in column {name!r}", self.cells[column])
        return value

    def integer(self, column: int, name: str) -> int:
        """A cell as a whole number >= 0, also written as ``12.0``; raises TraceError otherwise."""
        value = self.number(column, name)
        if value != int(value):
            raise self.error(f"a whole number in column {name!r}", self.cells[column])
        return int(value)

    def timestamp_seconds(self, column: int, name: str) -> float:
        """A cell with date and time as seconds since a fixed origin, of which only differences have a meaning."""
        try:
            timestamp = datetime.fromisoformat(self.cells[column])
        except ValueError:
            raise self.error(f"a time like 2024-05-12 00:00:10 in column {name!r}", repr(self.cells[column])) from None
        # Without a time zone: daylight saving time must not distort a trace.
        return (timestamp.replace(tzinfo=None) - datetime.min).total_seconds()  # noqa: DTZ901 - only a fixed origin


class Table(NamedTuple):
    """An open CSV file: the names of its columns and its rows."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[Row]


@contextmanager
def open_lines(path: Path) -> Iterator[IO[str]]:
    """The lines of a file, decompressed if its content is gzipped, whatever its name.

    Raises:
        TraceError: the file does not exist, is not UTF-8 text, or its gzip data is damaged.
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

"""Tables and paragraphs: aligned, cut only on a terminal, coloured only where somebody sees it."""

from __future__ import annotations

import os
import sys

import pytest

from modelmatrix.cli.output import tables


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output is a terminal of 60 columns."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda _: os.terminal_size((60, 24)))
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_columns_are_as_wide_as_their_cells() -> None:
    assert tables.table(["A", "LONG"], [["aaa", 1], [None, "b"]]).splitlines() == ["A    LONG", "aaa  1", "-    b"]


def test_nothing_is_cut_where_the_output_is_no_terminal() -> None:
    assert tables.table(["A", "B"], [["a", "x" * 200]]).splitlines()[1].endswith("x" * 200)


@pytest.mark.usefixtures("terminal")
def test_the_last_column_is_cut_to_the_terminal() -> None:
    line = tables.table(["A", "B"], [["a", "x" * 200]]).splitlines()[1]
    assert len(line) == 60
    assert line.endswith("…")


@pytest.mark.usefixtures("terminal")
def test_a_narrow_terminal_still_shows_some_of_the_last_column() -> None:
    assert len(tables.table(["A", "B"], [["a" * 58, "x" * 200]]).splitlines()[1]) == 60 + tables.MIN_LAST


def test_paragraphs_are_wrapped_and_indented() -> None:
    lines = tables.paragraph("word " * 40, indent=2).splitlines()
    assert all(line.startswith("  word") and len(line) <= 100 for line in lines)
    assert len(lines) == 3


def test_a_long_word_is_left_whole() -> None:
    assert "x" * 150 in tables.paragraph(f"see {'x' * 150}")


def test_there_is_no_colour_where_nobody_sees_it() -> None:
    assert tables.colorize("no", "bad") == "no"


@pytest.mark.usefixtures("terminal")
def test_a_terminal_has_colours_unless_it_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tables.colorize("no", "bad") == "\x1b[31mno\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert tables.colorize("no", "bad") == "no"

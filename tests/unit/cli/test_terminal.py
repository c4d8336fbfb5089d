"""What reaches a terminal: text and colours, and nothing that moves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.cli.errors import CliError
from modelmatrix.cli.output.tables import table
from modelmatrix.cli.terminal import print_text, printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Qwen\x1b]0;owned\a3", "Qwen]0;owned3"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("\x9b2Jgone", "2Jgone"),
        ("a\u202eb\u2028c", "abc"),
        ("a\rb", "ab"),
        ("行\nline", "行\nline"),
        ("\x1b[32mReady\x1b[0m", "\x1b[32mReady\x1b[0m"),
    ],
)
def test_only_text_lines_and_colours_are_printed(text: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_text(text)
    assert capsys.readouterr().out in (printed + "\n", printed.replace("\x1b[32m", "").replace("\x1b[0m", "") + "\n")
    assert printable(text) == printed


@given(st.text())
def test_printable_changes_nothing_twice(text: str) -> None:
    assert printable(printable(text)) == printable(text)


def test_errors_are_printable(capsys: pytest.CaptureFixture[str]) -> None:
    CliError("no deployment \x1b]0;owned\a").show()
    assert capsys.readouterr().err == "error: no deployment ]0;owned\n"


def test_a_cell_is_one_line() -> None:
    assert table(["NAME"], [["a\nReady True"]]).splitlines()[1:] == ["a Ready True"]

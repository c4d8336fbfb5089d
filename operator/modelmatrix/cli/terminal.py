"""Texts for a terminal. Names and messages come from tenants, engines and kubelets, and may hold escape sequences."""

from __future__ import annotations

import re
import unicodedata

import click

_COLOR = re.compile(r"(\x1b\[[0-9;]*m)")
# Control, format and surrogate characters, and separators of lines and paragraphs.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    """A text without characters that move or rewrite a terminal; lines and colours stay."""
    parts = _COLOR.split(text)
    return "".join(part if index % 2 else _visible(part) for index, part in enumerate(parts))


def print_text(text: str) -> None:
    """Print a text for people."""
    click.echo(printable(text))


def _visible(text: str) -> str:
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in _INVISIBLE)

"""How a command ends: one line for the user, an exit code for scripts."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click

from modelmatrix.cli.terminal import printable


class ExitCode(IntEnum):
    """Part of the public contract: scripts tell a finding from an error by it."""

    DONE = 0
    ERROR = 1
    FINDING = 2  # the command did its work, and a plan does not fit or a check found something
    USAGE = 64  # EX_USAGE of sysexits.h


class CliError(click.ClickException):
    """An error that the user can correct; printed as ``error: ...``."""

    exit_code = ExitCode.ERROR

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error to the error output."""
        del file
        click.echo(printable(f"error: {self.format_message()}"), err=True)


class WrongUsage(click.ClickException):
    """An error of click about arguments, shown as click shows it; click's own exit code 2 would read as a finding."""

    exit_code = ExitCode.USAGE

    def __init__(self, error: click.UsageError) -> None:
        super().__init__(error.format_message())
        self._error = error

    def show(self, file: IO[Any] | None = None) -> None:
        """Print usage and error to the error output."""
        self._error.show(file)


class FindingExit(click.exceptions.Exit):
    """Ends a command that did its work and found something; the output already says what."""

    def __init__(self) -> None:
        super().__init__(ExitCode.FINDING)

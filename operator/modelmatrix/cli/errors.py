"""What ends a command: one line for the user, an exit code for scripts."""

from __future__ import annotations

import click


class CliError(click.ClickException):
    """Something the user must mend; printed as ``error: ...``, exit code 1."""

    exit_code = 1

    def show(self, file: object = None) -> None:
        """Print it to the error output."""
        del file
        click.echo(f"error: {self.format_message()}", err=True)


class PlanDoesNotFit(click.exceptions.Exit):
    """The plan says that something does not fit: exit code 2."""

    def __init__(self) -> None:
        super().__init__(2)

"""The command line: ``kubectl matrix`` and its subcommands.

A command's module is imported when the command runs: most of them import the planner, and ``--help`` needs none of it. The
table below therefore holds the one line that ``--help`` shows of each command.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

import click

from modelmatrix.cli.errors import WrongUsage

# A command runs for a fraction of a second: neither plugins of pydantic nor many collections of garbage are worth their time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
gc.set_threshold(50_000)

COMMANDS = {
    "check": "Find defects that only an edit or an installation corrects.",
    "cost": "Sum the price per hour of the devices of all desired and retiring replicas.",
    "plan": "Run the operator's own planner: what fits, where, and at what cost.",
    "profile": "Turn a model's config.json into a ModelProfile.",
    "report": "Write the whole matrix as a document.",
    "simulate": "Run the operator's own scaling policy against a trace of requests.",
    "status": "Show all deployments in one table, as the operator reports them.",
    "why": "Explain where a deployment runs, or why it does not.",
}

EXIT_CODES = "Exit codes: 0 done, 1 error, 2 finding (a plan that does not fit, a check that finds something), 64 wrong usage."


class Plugin(click.Group):
    """A group whose usage reads as a person types it, and whose commands are imported when they run."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The outermost context, with the plugin's name in its usage."""
        try:
            return super().make_context(info_name if parent else "kubectl matrix", args, parent, **extra)
        except click.UsageError as error:
            raise WrongUsage(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a wrong option of it ends with the exit code of wrong usage too."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise WrongUsage(error) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; ``None`` when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"modelmatrix.cli.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Plugin, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
def main() -> None:
    """Explain and plan a model matrix with the operator's own planner."""


if __name__ == "__main__":
    main()

"""The command line: ``kubectl matrix`` and its subcommands."""

from __future__ import annotations

from typing import Any

import click

from modelmatrix.cli.commands.check import check
from modelmatrix.cli.commands.cost import cost
from modelmatrix.cli.commands.plan import plan
from modelmatrix.cli.commands.profile import profile
from modelmatrix.cli.commands.report import report
from modelmatrix.cli.commands.simulate import simulate_
from modelmatrix.cli.commands.status import status
from modelmatrix.cli.commands.why import why


class Plugin(click.Group):
    """A group of commands that is called as a person types it, whatever its file is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The outermost context, with the plugin's name in its usage."""
        return super().make_context(info_name if parent else "kubectl matrix", args, parent, **extra)


@click.group(cls=Plugin, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Explain and plan a model matrix with the operator's own planner."""


for command in (check, cost, plan, profile, report, simulate_, status, why):
    main.add_command(command)

if __name__ == "__main__":
    main()

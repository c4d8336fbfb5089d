"""The command line: ``kubectl matrix`` and its subcommands."""

from __future__ import annotations

import click

from modelmatrix.cli.check_command import check
from modelmatrix.cli.cost_command import cost
from modelmatrix.cli.plan_command import plan
from modelmatrix.cli.profile_command import profile
from modelmatrix.cli.report_command import report
from modelmatrix.cli.simulate_command import simulate_
from modelmatrix.cli.status_command import status
from modelmatrix.cli.why_command import why


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Explain and plan a model matrix with the operator's own planner."""


for command in (check, cost, plan, profile, report, simulate_, status, why):
    main.add_command(command)

if __name__ == "__main__":
    main()

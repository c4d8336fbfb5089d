"""The plugin as a whole: how it is called."""

from __future__ import annotations

import pytest

from commands import matrix


@pytest.mark.parametrize("command", [(), ("plan",)])
def test_the_usage_is_what_a_person_types(command: tuple[str, ...]) -> None:
    assert matrix(*command, "--help").output.startswith(" ".join(("Usage: kubectl matrix", *command)))


def test_a_command_that_is_not_there_points_to_the_help() -> None:
    assert "Try 'kubectl matrix --help' for help." in matrix("pods").output

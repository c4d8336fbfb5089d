"""The plugin as a whole: how it is called, what it imports, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands import deployment, matrix, node, pool, write
from modelmatrix.cli.main import COMMANDS, main

# Slow to import, and of use only where a cluster or Prometheus is asked.
CLUSTER_LIBRARIES = {"kopf", "kubernetes", "aiohttp", "httpx", "prometheus_client", "asyncio"}


def imported(*arguments: str) -> set[str]:
    """Top-level modules that a process has imported when the command ends."""
    script = (
        "import sys\n"
        "from modelmatrix.cli.main import main\n"
        f"main({list(arguments)!r}, standalone_mode=False)\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(result.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("command", [(), ("plan",)])
def test_the_usage_is_what_a_person_types(command: tuple[str, ...]) -> None:
    assert matrix(*command, "--help").output.startswith(" ".join(("Usage: kubectl matrix", *command)))


def test_the_help_lists_every_command_with_the_first_line_of_its_own_help() -> None:
    modules = Path(sys.modules[main.__module__].__file__ or "").parent.joinpath("commands").glob("[a-z]*.py")
    assert sorted(COMMANDS) == sorted(module.stem for module in modules)
    for name, line in COMMANDS.items():
        command = main.get_command(main.make_context(None, [name]), name)
        assert command is not None
        assert (command.name, (command.help or "").partition("\n")[0]) == (name, line)


@pytest.mark.parametrize("arguments", [("pods",), ("plan", "--no-such-option"), ("cost", "--by", "colour"), ("why",), ()])
def test_wrong_usage_has_an_exit_code_of_its_own(arguments: tuple[str, ...]) -> None:
    result = matrix(*arguments)
    assert result.exit_code == 64
    assert "kubectl matrix" in result.output


def test_a_command_that_is_not_there_points_to_the_help() -> None:
    assert "Try 'kubectl matrix --help' for help." in matrix("pods").output


def test_the_help_imports_neither_the_planner_nor_a_client() -> None:
    assert not imported("--help") & {"pydantic", "yaml", *CLUSTER_LIBRARIES}


@pytest.mark.parametrize(
    "command", [("plan",), ("why", "chat", "-n", "bank"), ("check",), ("cost",), ("report",)], ids=lambda command: command[0]
)
def test_an_offline_command_imports_no_client(command: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path, [pool(), node("n0"), deployment()])
    assert not imported(*command, "--offline", "-f", path) & CLUSTER_LIBRARIES

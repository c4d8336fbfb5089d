"""The command line answers in words and exit codes, never with a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def localcluster(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localcluster", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "e2e"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_status_of_a_cluster_that_is_down_is_an_error_with_advice() -> None:
    done = localcluster("status", "--name", "never-started")
    assert done.returncode == 1
    assert done.stderr.startswith("error: The cluster 'never-started' is down.")
    assert "make up" in done.stderr


def test_down_is_done_when_there_is_nothing_to_do() -> None:
    done = localcluster("down", CLUSTER="never-started")
    assert (done.returncode, done.stdout) == (0, "The cluster 'never-started' is down already.\n")
    assert not (REPOSITORY / "build" / "never-started").exists()


@pytest.mark.parametrize("arguments", [("up", "--time-scale", "99"), ("up", "--name", "../x")])
def test_a_wrong_choice_is_explained(arguments: tuple[str, ...]) -> None:
    done = localcluster(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr

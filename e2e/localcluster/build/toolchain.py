"""The Go toolchain of this machine: finds it and runs it with settings of its own, whatever the user's are."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from localcluster.errors import LocalClusterError
from localcluster.paths import GO_MODULES

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = "Install Go 1.26 or newer (https://go.dev/doc/install) and see that `go version` works in this shell."


def go_command() -> str:
    """The path of `go`.

    Raises:
        LocalClusterError: there is none.
    """
    found = shutil.which("go")
    if found is None:
        raise LocalClusterError(
            "Go was not found on PATH.", why="The local cluster's programs are built from Go modules.", advice=_ADVICE
        )
    return found


def go_environment() -> dict[str, str]:
    """Our environment, less what would change the build: a workspace, flags, C compilers."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}


def describe() -> str:
    """Compiler version, system and architecture, e.g. ``go1.26.8 linux amd64``.

    Raises:
        LocalClusterError: there is no Go, or none that these modules accept.
    """
    answer = go("env", "GOVERSION", "GOOS", "GOARCH", module=GO_MODULES / "controlplane")
    return " ".join(answer.split())


def go(*arguments: str, module: Path) -> str:
    """Run a short `go` command in a module's folder and return what it printed.

    Raises:
        LocalClusterError: it failed.
    """
    done = subprocess.run(
        [go_command(), *arguments], cwd=module, env=go_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalClusterError(f"`go {' '.join(arguments)}` failed.", why=done.stderr.strip(), advice=_ADVICE)
    return done.stdout

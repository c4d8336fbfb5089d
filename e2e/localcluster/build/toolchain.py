"""The Go toolchain of this machine, run with fixed settings instead of the user's."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from localcluster.errors import LocalClusterError
from localcluster.paths import GO_MODULES

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = "Install Go 1.26 or newer (https://go.dev/doc/install) and check that `go version` works in this shell."


def go_command() -> str:
    """The path of `go`.

    Raises:
        LocalClusterError: Go is not on PATH.
    """
    path = shutil.which("go")
    if path is None:
        raise LocalClusterError(
            "Go was not found on PATH.", why="The local cluster's programs are built from Go modules.", advice=_ADVICE
        )
    return path


def go_environment() -> dict[str, str]:
    """This process's environment without a Go workspace, flags and C compilers, which would change the build."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}


def describe() -> str:
    """Compiler version, system and architecture, e.g. ``go1.26.8 linux amd64``.

    Raises:
        LocalClusterError: Go is not installed, or its version is not supported by these modules.
    """
    output = go("env", "GOVERSION", "GOOS", "GOARCH", module=GO_MODULES / "controlplane")
    return " ".join(output.split())


def go(*arguments: str, module: Path) -> str:
    """Run a short `go` command in a module's folder and return its output.

    Raises:
        LocalClusterError: the command failed.
    """
    completed = subprocess.run(
        [go_command(), *arguments], cwd=module, env=go_environment(), capture_output=True, text=True, check=False
    )
    if completed.returncode != 0:
        raise LocalClusterError(f"`go {' '.join(arguments)}` failed.", why=completed.stderr.strip(), advice=_ADVICE)
    return completed.stdout

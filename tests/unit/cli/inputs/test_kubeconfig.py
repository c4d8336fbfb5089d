"""A cluster that cannot be reached: one line that says which one, why, and what to do."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import matrix

UserFields = Mapping[str, Any]


def config(folder: Path, *, server: str = "http://127.0.0.1:1", user: UserFields | None = None) -> str:
    """The path of a kubeconfig with the context ``x``."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": dict(user or {})}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    return text(folder, yaml.safe_dump(content))


def text(folder: Path, content: str) -> str:
    path = folder / "kubeconfig"
    path.write_text(content, encoding="utf-8")
    return str(path)


def said(*arguments: str) -> str:
    """The only line of a command that fails."""
    result = matrix("status", *arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert said("--kubeconfig", path).startswith(f"error: there is no kubeconfig {path}: name one with --kubeconfig")


def test_so_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert said().startswith(f"error: there is no kubeconfig {tmp_path / 'none'}: ")


@pytest.mark.parametrize("content", ["a: [", "text", "- 1\n", "", "contexts: 5\ncurrent-context: x\n", "\x00"])
def test_a_file_that_is_no_kubeconfig_is_one_line(tmp_path: Path, content: str) -> None:
    path = text(tmp_path, content)
    assert said("--kubeconfig", path).startswith(f"error: {path}: ")


def test_a_context_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "y" in said("--kubeconfig", config(tmp_path), "--context", "y")


def test_a_server_that_refuses_is_named_with_its_context(tmp_path: Path) -> None:
    server = f"http://127.0.0.1:{closed_port()}"
    path = config(tmp_path, server=server)
    why = "connection refused; check --kubeconfig and --context, or use --offline -f FILE\n"
    for arguments in ((), ("--context", "x")):
        assert said("--kubeconfig", path, *arguments) == f"error: cannot reach {server} (context x): {why}"


def test_a_credential_plugin_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin", "interactiveMode": "Never"}
    path = config(tmp_path, user={"exec": plugin})
    line = said("--kubeconfig", path)
    assert line.startswith(f"error: {path}: the credential plugin of the user failed: ")
    assert "no-such-plugin" in line
    assert "ERROR:root" not in line

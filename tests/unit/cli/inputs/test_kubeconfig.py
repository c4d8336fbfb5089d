"""A person's log-in, and a cluster that cannot be reached: one line that says which one, why, and what to do."""

from __future__ import annotations

import base64
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import matrix
from fakes.kubeconfig import UNUSABLE, kubeconfig, write_content
from modelmatrix.cli.inputs.kubeconfig import user_credentials
from modelmatrix.cluster.credentials import CredentialsError

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


@pytest.fixture
def user_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path / "config")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.mark.parametrize("content", UNUSABLE)
def test_a_kubeconfig_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    write_content(tmp_path / "config", content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(CredentialsError, match="kubeconfig"):
        user_credentials(kubeconfig=None, context=None)


def test_a_person_has_a_token_and_a_namespace(user_config: Path) -> None:
    found, namespace = user_credentials(kubeconfig=str(user_config), context=None)
    assert (found.server, found.headers(), namespace) == (
        "http://127.0.0.1:1",
        {"Authorization": "Bearer secret"},
        "bank",
    )


def test_a_person_may_choose_a_context(tmp_path: Path) -> None:
    contexts = [
        {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "bank"}},
        {"name": "other", "context": {"cluster": "c", "user": "u"}},
    ]
    path = kubeconfig(tmp_path / "config", contexts=contexts)
    assert user_credentials(kubeconfig=str(path), context="other")[1] == "default"
    with pytest.raises(CredentialsError):
        user_credentials(kubeconfig=str(path), context="missing")


@pytest.mark.parametrize("insecure", [True, False])
def test_a_person_may_trust_a_server_without_a_certificate(tmp_path: Path, *, insecure: bool) -> None:
    cluster = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": insecure}
    path = kubeconfig(tmp_path / "config", clusters=[{"name": "c", "cluster": cluster}])
    found, _ = user_credentials(kubeconfig=str(path), context=None)
    assert found.ssl_context is not None
    assert found.ssl_context.check_hostname is not insecure


def test_a_token_of_an_exec_plugin_is_used(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"fresh"}}'
    plugin.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}}
    path = kubeconfig(tmp_path / "config", users=[{"name": "u", "user": user}])
    found, _ = user_credentials(kubeconfig=str(path), context=None)
    assert found.headers() == {"Authorization": "Bearer fresh"}


def test_a_password_is_used(tmp_path: Path) -> None:
    user = {"username": "anna", "password": "secret"}
    path = kubeconfig(tmp_path / "config", users=[{"name": "u", "user": user}])
    found, _ = user_credentials(kubeconfig=str(path), context=None)
    assert found.headers() == {"Authorization": "Basic " + base64.b64encode(b"anna:secret").decode()}

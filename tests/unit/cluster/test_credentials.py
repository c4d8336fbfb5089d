from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml

from fakes.waiting import FakeClock
from modelmatrix.cluster import credentials as credentials_module
from modelmatrix.cluster.credentials import (
    TOKEN_REREAD_SECONDS,
    Credentials,
    CredentialsError,
    operator_credentials,
    user_credentials,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(credentials_module, "monotonic", fake)
    return fake


def kubeconfig(path: Path, **parts: Any) -> Path:
    """A kubeconfig with one context, ``main``; ``parts`` replace what is at the top."""
    content = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "bank"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(content | parts), encoding="utf-8")
    return path


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path / "config")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_a_token_is_a_header() -> None:
    assert Credentials("http://x", None, "secret").headers() == {"Authorization": "Bearer secret"}
    assert Credentials("http://x", None).headers() == {}


def test_a_token_file_is_read_again_now_and_then(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "token"
    path.write_text("one\n", encoding="utf-8")
    found = Credentials("http://x", None, "zero", path)
    assert found.headers() == {"Authorization": "Bearer one"}
    path.write_text("two\n", encoding="utf-8")
    clock.pass_(TOKEN_REREAD_SECONDS)
    assert found.headers() == {"Authorization": "Bearer one"}
    clock.pass_(1)
    assert found.headers() == {"Authorization": "Bearer two"}


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read_leaves_the_token(tmp_path: Path, clock: FakeClock, content: bytes | None) -> None:
    path = tmp_path / "token"
    path.write_text("one", encoding="utf-8")
    found = Credentials("http://x", None, None, path)
    found.headers()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    clock.pass_(2 * TOKEN_REREAD_SECONDS)
    assert found.headers() == {"Authorization": "Bearer one"}


def test_the_operator_takes_a_kubeconfig(config: Path) -> None:
    found = operator_credentials()
    assert (found.server, found.token, found.ssl_context) == ("http://127.0.0.1:1", "secret", None)
    assert config.exists()


@pytest.mark.usefixtures("config")
def test_a_token_of_a_pod_is_not_mixed_with_a_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("of the pod", encoding="utf-8")
    monkeypatch.setattr(credentials_module, "TOKEN_FILE", path)
    found = operator_credentials()
    assert (found.server, found.token_file) == ("http://127.0.0.1:1", None)
    assert found.headers() == {"Authorization": "Bearer secret"}


@pytest.mark.usefixtures("config")
def test_in_a_pod_the_operator_is_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("of the pod", encoding="utf-8")
    info = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="of the pod")  # noqa: S106
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: info)
    monkeypatch.setattr(credentials_module, "TOKEN_FILE", path)
    found = operator_credentials()
    assert found.server == "https://kubernetes.default.svc"
    assert found.ssl_context is not None
    assert found.token_file == path


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a: [",
        "apiVersion: v1",
        "current-context: main",
        "[]",
        "current-context: main\ncontexts: [{name: main}]",
        "current-context: main\ncontexts: [{name: main, context: {cluster: c, user: u}}]\nclusters: [{name: c}]",
    ],
)
@pytest.mark.parametrize("load", [operator_credentials, lambda: user_credentials(kubeconfig=None, context=None)])
def test_a_kubeconfig_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, load: Any
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(CredentialsError) as caught:
        load()
    assert "kubeconfig" in str(caught.value)


def test_no_credentials_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CredentialsError, match="set KUBECONFIG"):
        operator_credentials()


def test_a_person_has_a_token_and_a_namespace(config: Path) -> None:
    found, namespace = user_credentials(kubeconfig=str(config), context=None)
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

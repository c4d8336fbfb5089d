from __future__ import annotations

from pathlib import Path

import kopf
import pytest

from fakes.kubeconfig import UNUSABLE, kubeconfig, write_content
from modelmatrix.cluster import operator_login
from modelmatrix.cluster.credentials import CredentialsError
from modelmatrix.cluster.operator_login import operator_credentials


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path / "config")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_the_operator_takes_a_kubeconfig(config: Path) -> None:
    found = operator_credentials()
    assert (found.server, found.token, found.ssl_context) == ("http://127.0.0.1:1", "secret", None)
    assert config.exists()


@pytest.mark.usefixtures("config")
def test_a_token_of_a_pod_is_not_mixed_with_a_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("of the pod", encoding="utf-8")
    monkeypatch.setattr(operator_login, "TOKEN_FILE", path)
    found = operator_credentials()
    assert (found.server, found.token_file) == ("http://127.0.0.1:1", None)
    assert found.headers() == {"Authorization": "Bearer secret"}


@pytest.mark.usefixtures("config")
def test_in_a_pod_the_operator_is_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("of the pod", encoding="utf-8")
    info = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="of the pod")  # noqa: S106
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: info)
    monkeypatch.setattr(operator_login, "TOKEN_FILE", path)
    found = operator_credentials()
    assert found.server == "https://kubernetes.default.svc"
    assert found.ssl_context is not None
    assert found.token_file == path


@pytest.mark.parametrize("content", UNUSABLE)
def test_a_kubeconfig_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    write_content(tmp_path / "config", content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(CredentialsError, match="kubeconfig"):
        operator_credentials()


def test_no_credentials_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CredentialsError, match="set KUBECONFIG"):
        operator_credentials()

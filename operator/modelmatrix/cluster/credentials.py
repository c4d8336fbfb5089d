"""How to reach the API server: in a pod, by kubeconfig, and with tokens that change while we run."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import kopf
import yaml

TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
TOKEN_REREAD_SECONDS = 60.0

# What kopf raises for a kubeconfig that is missing, is no YAML, or lacks or misplaces a part.
_UNUSABLE = (kopf.LoginError, OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError)


class CredentialsError(Exception):
    """There are no usable credentials; the text says where they were looked for."""


@dataclass(slots=True)
class Credentials:
    """Address and identity. ``token_file`` is read again now and then: projected tokens live for an hour."""

    server: str
    ssl_context: ssl.SSLContext | None
    token: str | None = None
    token_file: Path | None = None
    _read_at: float = 0.0

    def headers(self) -> dict[str, str]:
        """Headers that identify us."""
        if self.token_file is not None and monotonic() - self._read_at > TOKEN_REREAD_SECONDS:
            self.token = _read(self.token_file) or self.token
            self._read_at = monotonic()
        if not self.token:
            return {}
        return {"Authorization": self.token if self.token.startswith("Basic ") else f"Bearer {self.token}"}


def _read(path: Path) -> str:
    """The token in a file; nothing while the kubelet replaces it: the one before is good for minutes more."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def operator_credentials() -> Credentials:
    """Credentials of the operator: its ServiceAccount in a pod, else the current context of the kubeconfig.

    Raises:
        CredentialsError: there are none.
    """
    try:
        info, token_file = _login()
        context = info.as_ssl_context() if info.server.startswith("https") else None
    except _UNUSABLE as error:
        source = "ServiceAccount" if TOKEN_FILE.exists() else f"kubeconfig {os.environ.get('KUBECONFIG', '')}".rstrip()
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise CredentialsError(f"cannot use the {source}: {words}") from None
    return Credentials(info.server.rstrip("/"), context, info.token, token_file)


def _login() -> tuple[kopf.ConnectionInfo, Path | None]:
    """What the first login that succeeds gives, and the file that its token came from, if it may change."""
    settings = kopf.OperatorSettings()
    info = kopf.login_with_service_account(settings=settings)
    if info is not None:
        return info, TOKEN_FILE
    info = kopf.login_with_kubeconfig(settings=settings)
    if info is None:
        raise CredentialsError("no ServiceAccount is mounted and no kubeconfig was found; set KUBECONFIG")
    return info, None


def user_credentials(*, kubeconfig: str | None, context: str | None) -> tuple[Credentials, str]:
    """Credentials of a person and the namespace of the context; any kind that kubectl knows, exec plugins too.

    Raises:
        CredentialsError: the kubeconfig cannot be read or has no such context.
    """
    from kubernetes.client import Configuration  # noqa: PLC0415 - a second of start-up that the operator does not need
    from kubernetes.config import ConfigException, kube_config  # noqa: PLC0415

    configuration = Configuration()
    try:
        kube_config.load_kube_config(kubeconfig, context, configuration)  # type: ignore[no-untyped-call]
        contexts = kube_config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
        namespace = _namespace(contexts, context)
    except (ConfigException, OSError) as error:
        raise CredentialsError(f"cannot use the kubeconfig: {error}") from None
    token = configuration.get_api_key_with_prefix("authorization") or configuration.get_api_key_with_prefix("BearerToken")
    bearer = token.removeprefix("Bearer ") if token else None
    return Credentials(configuration.host.rstrip("/"), _ssl_context(configuration), bearer), namespace


def _namespace(contexts: tuple[list[dict[str, Any]], dict[str, Any]], wanted: str | None) -> str:
    every, active = contexts
    chosen = next((item for item in every if item["name"] == wanted), active)
    return str(chosen.get("context", {}).get("namespace") or "default")


def _ssl_context(configuration: Any) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context

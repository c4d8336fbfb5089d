"""The operator's log-in: its ServiceAccount in a pod, else the current context of the kubeconfig. kopf reads both."""

from __future__ import annotations

import os
from pathlib import Path

import kopf
import yaml

from modelmatrix.cluster.credentials import Credentials, CredentialsError

TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

# What kopf raises when a kubeconfig is missing, is not YAML, or lacks or misplaces a part.
_UNUSABLE = (kopf.LoginError, OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError)


def operator_credentials() -> Credentials:
    """Credentials of the operator.

    Raises:
        CredentialsError: neither a ServiceAccount nor a kubeconfig can be used.
    """
    try:
        info, token_file = log_in(kopf.OperatorSettings())
        if info is None:
            raise CredentialsError("no ServiceAccount is mounted and no kubeconfig was found; set KUBECONFIG")
        context = info.as_ssl_context() if info.server.startswith("https") else None
    except _UNUSABLE as error:
        source = "ServiceAccount" if TOKEN_FILE.exists() else f"kubeconfig {os.environ.get('KUBECONFIG', '')}".rstrip()
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise CredentialsError(f"cannot use the {source}: {cause}") from None
    return Credentials(info.server.rstrip("/"), context, info.token, token_file)


def log_in(settings: kopf.OperatorSettings) -> tuple[kopf.ConnectionInfo | None, Path | None]:
    """The first log-in that succeeds, if any, and the file of its token if the token may change."""
    info = kopf.login_with_service_account(settings=settings)
    if info is not None:
        return info, TOKEN_FILE
    return kopf.login_with_kubeconfig(settings=settings), None

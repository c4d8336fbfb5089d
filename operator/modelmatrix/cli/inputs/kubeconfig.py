"""How a person reaches the cluster, and what is said when it cannot be reached."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from modelmatrix.cli.errors import CliError
from modelmatrix.cluster.credentials import Credentials, CredentialsError, user_credentials
from modelmatrix.cluster.errors import TransientError

# What a file raises that is no kubeconfig.
_STRANGE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError)
_NETWORK = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH}
_INSTEAD = "or use --offline -f FILE"


@dataclass(frozen=True, slots=True)
class KubeconfigAccess:
    """How the user reaches the cluster."""

    kubeconfig: str | None = None
    context: str | None = None

    @property
    def path(self) -> str:
        """The kubeconfig, or several with the path separator between them, as kubectl looks for it."""
        return self.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"

    def credentials(self) -> tuple[Credentials, str]:
        """Credentials, and the namespace of the context.

        Raises:
            CliError: the kubeconfig is not there or cannot be used.
        """
        if not any(Path(path).expanduser().exists() for path in self.path.split(os.pathsep) if path):
            raise CliError(f"there is no kubeconfig {self.path}: name one with --kubeconfig or KUBECONFIG, {_INSTEAD}")
        try:
            with _complaints() as complaints:
                found = user_credentials(kubeconfig=self.kubeconfig, context=self.context)
        except CredentialsError as error:
            raise CliError(f"{self.path}: {error}") from None
        except _STRANGE as error:
            raise CliError(f"{self.path}: is not a valid kubeconfig: {' '.join(str(error).split())}") from None
        if complaints:
            raise CliError(f"{self.path}: the credential plugin of the user failed: {' '.join(complaints[0].split())}")
        return found

    def unreachable(self, server: str, error: TransientError) -> CliError:
        """What to say when there is no useful answer."""
        context = self.context or _current_context(self.kubeconfig)
        words = _words(error.__cause__) if error.__cause__ else str(error)
        return CliError(f"cannot reach {server} (context {context}): {words}; check --kubeconfig and --context, {_INSTEAD}")


def _current_context(kubeconfig: str | None) -> str:
    from kubernetes.config import list_kube_config_contexts  # noqa: PLC0415 - a second of start-up

    _, active = list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    return str(active["name"])


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the Kubernetes library logs while it reads a kubeconfig: it goes on without credentials when a plugin fails."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == logging.root.name:
                said.append(record.getMessage())

    listener = Listener(logging.ERROR)
    logging.root.addHandler(listener)
    try:
        yield said
    finally:
        logging.root.removeHandler(listener)


def _words(cause: BaseException) -> str:
    """Why there is no connection, without what the HTTP client adds."""
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    inner = getattr(cause, "os_error", None) or getattr(cause, "certificate_error", None) or cause
    number = getattr(inner, "errno", None)
    if number in _NETWORK:
        return os.strerror(number).lower()
    return " ".join(str(getattr(inner, "verify_message", "") or getattr(inner, "strerror", "") or inner).split())

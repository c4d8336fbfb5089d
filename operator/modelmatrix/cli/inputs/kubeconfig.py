"""The person's log-in by kubeconfig, and the errors when the cluster cannot be reached.

The Kubernetes library reads the kubeconfig: it knows exec plugins, OIDC and every other way that kubectl knows. Importing it
takes half a second, so only commands that read a cluster import this module.
"""

from __future__ import annotations

import errno
import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, kube_config

from modelmatrix.cli.errors import CliError
from modelmatrix.cli.options import ClusterOptions
from modelmatrix.cluster.credentials import Credentials, CredentialsError
from modelmatrix.cluster.errors import TransientError

# What the library raises for a file that is not a kubeconfig.
_MALFORMED = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError)
_NETWORK_ERRORS = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH}
_ALTERNATIVE = "or use --offline -f FILE"


def kubeconfig_login(options: ClusterOptions) -> tuple[Credentials, str]:
    """Credentials, and the namespace of the context.

    Raises:
        CliError: the kubeconfig does not exist or cannot be used.
    """
    paths = _paths(options)
    if not any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path):
        raise CliError(f"there is no kubeconfig {paths}: name one with --kubeconfig or KUBECONFIG, {_ALTERNATIVE}")
    try:
        with _logged_errors() as errors:
            login = user_credentials(kubeconfig=options.kubeconfig, context=options.context)
    except CredentialsError as error:
        raise CliError(f"{paths}: {error}") from None
    except _MALFORMED as error:
        raise CliError(f"{paths}: is not a valid kubeconfig: {' '.join(str(error).split())}") from None
    if errors:
        raise CliError(f"{paths}: the credential plugin of the user failed: {' '.join(errors[0].split())}")
    return login


def _paths(options: ClusterOptions) -> str:
    """The kubeconfig, or several with the path separator between them, in the order in which kubectl searches."""
    return options.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"


def user_credentials(*, kubeconfig: str | None, context: str | None) -> tuple[Credentials, str]:
    """Credentials of a person, and the namespace of the context.

    Raises:
        CredentialsError: the kubeconfig cannot be read or does not have the context.
    """
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


def _namespace(contexts: tuple[list[dict[str, Any]], dict[str, Any]], name: str | None) -> str:
    every, active = contexts
    context = next((context for context in every if context["name"] == name), active)
    return str(context.get("context", {}).get("namespace") or "default")


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


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Errors that the Kubernetes library only logs: when a plugin fails it continues without credentials."""
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == logging.root.name:
                messages.append(record.getMessage())

    listener = Listener(logging.ERROR)
    logging.root.addHandler(listener)
    try:
        yield messages
    finally:
        logging.root.removeHandler(listener)


def unreachable_error(options: ClusterOptions, server: str, error: TransientError) -> CliError:
    """The error of a cluster that does not answer, with the context and the cause."""
    context = options.context or _current_context(options.kubeconfig)
    cause = _describe_cause(error.__cause__) if error.__cause__ else str(error)
    return CliError(f"cannot reach {server} (context {context}): {cause}; check --kubeconfig and --context, {_ALTERNATIVE}")


def _current_context(kubeconfig: str | None) -> str:
    _, active = kube_config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    return str(active["name"])


def _describe_cause(cause: BaseException) -> str:
    """Why there is no connection, without the words that the HTTP client adds."""
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    inner = getattr(cause, "os_error", None) or getattr(cause, "certificate_error", None) or cause
    number = getattr(inner, "errno", None)
    if number in _NETWORK_ERRORS:
        return os.strerror(number).lower()
    return " ".join(str(getattr(inner, "verify_message", "") or getattr(inner, "strerror", "") or inner).split())

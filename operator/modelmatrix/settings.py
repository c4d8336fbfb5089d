"""Settings of the operator: each is an environment variable with a flag of the same name."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

import click
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS
from modelmatrix.telemetry.prometheus_client import redact_credentials

PREFIX = "MODELMATRIX_"
_ADDRESS = re.compile(r"(?P<host>[^:\[\]\s]*|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
DENY = "Deny"
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"([^"\\]|\\.)*"'
_MATCHERS = re.compile(rf"{_MATCHER}(, ?{_MATCHER})*")
_NAME = r"[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?"
NO_NAMES = "-"  # an empty variable is the default


def split_address(address: str) -> tuple[str, int]:
    """Host and port of an address like ``127.0.0.1:9402`` or ``[::1]:9402``; an empty host means all of IPv4 and IPv6.

    Raises:
        ValueError: the text is not an address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(f"'{address}' is not an address; use HOST:PORT, e.g. 127.0.0.1:9402, or :9402")
    return match["host"].strip("[]"), int(match["port"])


def _address(value: str) -> str:
    split_address(value)
    return value


def _address_or_nothing(value: str) -> str:
    return _address(value) if value else ""


def _namespaces(value: str) -> str:
    for name in filter(None, value.split(",")):
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
            raise ValueError(f"'{name}' is not a namespace; use names with commas between them, e.g. trading,remote-banking")
    return value


def _ports(value: str) -> str:
    for port in filter(None, value.split(",")):
        if not (port.isascii() and port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT):
            raise ValueError(f"'{port}' is not a port; use numbers with commas between them, e.g. 15008")
    return value


def _url(value: str) -> str:
    if value and not _is_http_url(value):
        raise ValueError(f"'{redact_credentials(value)}' is not a URL; use one like http://prometheus:9090")
    return value


def _matchers(value: str) -> str:
    if value and not _MATCHERS.fullmatch(value):
        raise ValueError(f'\'{value}\' are not label matchers; use some like cluster="bank-a",region=~"north|south"')
    return value


def _is_http_url(value: str) -> bool:
    if not re.fullmatch(r"https?://[^\s/]\S*", value):
        return False
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return False
    return bool(parts.hostname)


class Settings(BaseModel):
    """The settings of an installation. Every duration is in seconds of model time, which is real time at scale 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    namespace: str = Field(default="modelmatrix-system", description="Namespace of the operator.")
    installation: str = Field(
        default="modelmatrix", description="Name of this installation in its namespace, e.g. of the Helm release."
    )
    lease_namespace: str = Field(
        default="kube-system",
        description="Namespace of the Lease by which one process of all installations in the cluster leads.",
    )
    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{secrets.token_hex(4)}",
        description="Name of this process in the leader election, unique among its replicas, e.g. the pod's name.",
    )
    prometheus_url: Annotated[str, AfterValidator(_url)] = Field(
        default="", description="Base URL of Prometheus, e.g. http://prometheus:9090. Empty: nothing is measured or scaled."
    )
    prometheus_timeout: float = Field(default=10.0, gt=0, description="Seconds that one Prometheus query may take.")
    prometheus_ca_file: str = Field(
        default="", description="File with certificates to trust for Prometheus. Empty: those of the system."
    )
    prometheus_token_file: str = Field(
        default="", description="File with a bearer token for Prometheus, read for every query. Empty: none is sent."
    )
    prometheus_matchers: Annotated[str, AfterValidator(_matchers)] = Field(
        default="",
        description="Label matchers of this cluster's series, where several clusters share a Prometheus (Thanos, federation), "
        'e.g. cluster="bank-a".',
    )
    interval: float = Field(default=15.0, gt=0, description="Seconds between two polls of the signals.")
    metrics_address: Annotated[str, AfterValidator(_address)] = Field(
        default=":9402", description="Address of /metrics, /healthz and /readyz; without a host, all of IPv4 and IPv6."
    )
    metrics_secure: bool = Field(
        default=False,
        description="Serve that address by TLS, and /metrics only to users who may get the path (TokenReview and "
        "SubjectAccessReview).",
    )
    metrics_certificate_file: str = Field(
        default="/var/run/secrets/modelmatrix/metrics/tls.crt",
        description="File with the certificate for it as PEM; read again when it changes.",
    )
    metrics_key_file: str = Field(
        default="/var/run/secrets/modelmatrix/metrics/tls.key", description="File with the key of that certificate."
    )
    admission_address: Annotated[str, AfterValidator(_address_or_nothing)] = Field(
        default="", description="Address of the admission webhook, e.g. :9443. Empty: it is not served."
    )
    admission_mode: str = Field(
        default="Warn", pattern=f"^(Warn|{DENY})$", description="Warn, or Deny to refuse what no pool can ever run."
    )
    admission_certificate_file: str = Field(
        default="/var/run/secrets/modelmatrix/admission/tls.crt",
        description="File with the webhook's certificate as PEM; read again when it changes.",
    )
    admission_key_file: str = Field(
        default="/var/run/secrets/modelmatrix/admission/tls.key", description="File with the key of that certificate."
    )
    cluster_domain: str = Field(default="cluster.local", description="DNS domain of the cluster's Services.")
    weights_image: str = Field(default="rclone/rclone:1.71", description="Image that copies weights from object stores.")
    write_namespaces: Annotated[str, AfterValidator(_namespaces)] = Field(
        default="",
        description="Namespaces in which the operator may write, with commas between them; deployments elsewhere are not "
        "served. Empty: all.",
    )
    tenancy_highest_priority: str = Field(
        default=str(SAFE_DEFAULTS.highest_priority),
        pattern="^P[0-3]$",
        description="Highest priority in namespaces whose TenantPolicies set none; a higher one counts as this.",
    )
    tenancy_custom_code: str = Field(
        default=str(SAFE_DEFAULTS.custom_code),
        pattern="^(Allow|Refuse)$",
        description="Whether engines may run code that comes with the weights, where no TenantPolicy says it.",
    )
    tenancy_secret_names: str = Field(
        default=",".join(SAFE_DEFAULTS.secret_names),
        pattern=rf"^({NO_NAMES}|{_NAME}(,{_NAME})*)$",
        description="Names that spec.model.secretName may have where no TenantPolicy says it: commas between them, * for any "
        f"text; {NO_NAMES} for none.",
    )
    engine_network_policy: bool = Field(
        default=True,
        description="Whether each deployment gets a NetworkPolicy: all reach API and metrics of its pods, and no more.",
    )
    engine_open_ports: Annotated[str, AfterValidator(_ports)] = Field(
        default="",
        description="Further ports of engine pods that their NetworkPolicy opens, with commas between, e.g. 15008.",
    )
    gateway_query: str = Field(
        default="",
        description="PromQL of the requests per second at the gateway by namespace and deployment; wakes deployments at zero.",
    )
    max_rollouts: int = Field(
        default=5, ge=1, description="Most deployments that a change of a pool or the catalogue rolls out at once."
    )
    time_scale: float = Field(
        default=1.0, ge=1, le=15, description="Model seconds per real second; above 1 for demonstrations and tests only."
    )
    time_origin: float = Field(
        default=0.0, ge=0, description="Real time in seconds since the epoch from which model time runs faster; 0: never."
    )
    time_start: float = Field(
        default=0.0, ge=0, description="Model time at time-origin in seconds since the epoch; 0: the same as time-origin."
    )
    log_format: str = Field(default="json", pattern="^(json|plain)$", description="Format of the log: json or plain.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Lowest level that is logged.")


def variable(name: str) -> str:
    """The environment variable of a setting, e.g. ``MODELMATRIX_LOG_LEVEL`` for ``log_level``."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The flag of a setting, e.g. ``--log-level`` for ``log_level``."""
    return "--" + name.replace("_", "-")


def with_settings(function: Callable[[Settings], None]) -> click.Command:
    """A click command with a flag for every setting that calls ``function`` with the validated settings."""

    def run(**values: Any) -> None:
        try:
            settings = Settings(**{name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            message = first["msg"].removeprefix("Value error, ")
            raise click.UsageError(f"{flag(name)} ({variable(name)}): {message}") from None
        function(settings)

    options = [
        click.Option([flag(name)], envvar=variable(name), help=f"{field.description} [{variable(name)}]")
        for name, field in Settings.model_fields.items()
    ]
    return click.Command(name="modelmatrix", params=list(options), callback=run, help=function.__doc__)

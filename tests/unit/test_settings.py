from __future__ import annotations

import re

import pytest
from click.testing import CliRunner, Result

from modelmatrix.settings import PREFIX, Settings, flag, split_address, variable, with_settings

# One value for each setting, other than its default.
GIVEN = {
    "installation": "two",
    "lease_namespace": "leases",
    "namespace": "models",
    "identity": "operator-7",
    "prometheus_url": "https://prometheus:9090/base",
    "prometheus_ca_file": "/etc/prometheus/ca.crt",
    "prometheus_token_file": "/etc/prometheus/token",
    "prometheus_timeout": "2.5",
    "prometheus_matchers": 'cluster="bank-a",region=~"n.*"',
    "interval": "30",
    "metrics_address": "127.0.0.1:1",
    "metrics_secure": "True",
    "metrics_certificate_file": "/etc/metrics/tls.crt",
    "metrics_key_file": "/etc/metrics/tls.key",
    "admission_address": ":9443",
    "admission_mode": "Deny",
    "admission_certificate_file": "/etc/webhook/tls.crt",
    "admission_key_file": "/etc/webhook/tls.key",
    "cluster_domain": "bank.local",
    "weights_image": "registry.bank.local/rclone:1",
    "write_namespaces": "trading,remote-banking",
    "engine_network_policy": "False",
    "engine_open_ports": "15008,15090",
    "tenancy_highest_priority": "P1",
    "tenancy_custom_code": "Allow",
    "tenancy_secret_names": "hub,*-reader",
    "gateway_query": "sum(rate(x[1m]))",
    "max_rollouts": "7",
    "time_scale": "15",
    "time_origin": "5",
    "time_start": "6",
    "log_format": "plain",
    "log_level": "DEBUG",
}


def run(*arguments: str, **environment: str | None) -> tuple[Result, list[Settings]]:
    """The command with these arguments and variables, and the settings that it was given."""
    seen: list[Settings] = []

    def remember(settings: Settings) -> None:
        """Remember the settings."""
        seen.append(settings)

    clean = {variable(name): None for name in Settings.model_fields}
    return CliRunner().invoke(with_settings(remember), arguments, env=clean | environment), seen


def test_every_setting_is_tried_here() -> None:
    assert GIVEN.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", GIVEN)
def test_a_setting_has_a_flag_and_a_variable_of_the_same_name(name: str) -> None:
    assert flag(name).removeprefix("--").replace("-", "_") == variable(name).removeprefix(PREFIX).lower() == name
    wanted = Settings.model_validate({name: GIVEN[name]})
    for result, seen in (run(flag(name), GIVEN[name]), run(**{variable(name): GIVEN[name]})):
        assert result.exit_code == 0, result.output
        assert getattr(seen[0], name) == getattr(wanted, name) != Settings.model_fields[name].default


@pytest.mark.parametrize("name", GIVEN)
def test_a_flag_wins_over_the_variable(name: str) -> None:
    result, seen = run(flag(name), GIVEN[name], **{variable(name): "junk"})
    assert result.exit_code == 0, result.output
    assert str(getattr(seen[0], name)).removesuffix(".0") == GIVEN[name]


def test_an_empty_variable_is_the_default() -> None:
    """A chart writes every variable, some of them without a value."""
    result, seen = run(**dict.fromkeys(map(variable, GIVEN), ""))
    assert result.exit_code == 0, result.output
    assert seen[0] == Settings(identity=seen[0].identity)


@pytest.mark.parametrize("name", GIVEN)
def test_the_help_tells_of_every_setting(name: str) -> None:
    result, _ = run("--help")
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert flag(name) in text
    assert variable(name) in text
    assert Settings.model_fields[name].description is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval", "often"),
        ("interval", "0"),
        ("interval", "-1"),
        ("interval", "inf"),
        ("interval", "nan"),
        ("prometheus_timeout", "0"),
        ("prometheus_timeout", "inf"),
        ("write_namespaces", "Trading"),
        ("engine_open_ports", "http"),
        ("engine_open_ports", "70000"),
        ("engine_open_ports", "0"),
        ("engine_network_policy", "maybe"),
        ("write_namespaces", "trading, banking"),
        ("time_scale", "0.5"),
        ("time_scale", "16"),
        ("time_origin", "inf"),
        ("tenancy_highest_priority", "P4"),
        ("tenancy_custom_code", "Yes"),
        ("tenancy_secret_names", "a,,b"),
        ("log_format", "xml"),
        ("log_level", "loud"),
        ("metrics_address", "9402"),
        ("metrics_address", "127.0.0.1"),
        ("metrics_address", "127.0.0.1:http"),
        ("metrics_address", "127.0.0.1:65536"),
        ("metrics_address", "127.0.0.1:-1"),
        ("metrics_address", "::1:9402"),
        ("prometheus_url", "prometheus:9090"),
        ("prometheus_url", "ftp://prometheus"),
        ("prometheus_url", "http://"),
        ("prometheus_url", "http://[::1"),
        ("prometheus_url", "http://prometheus:port"),
        ("prometheus_url", "http://a b"),
    ],
)
def test_a_bad_value_is_one_clear_line(name: str, value: str) -> None:
    for result, seen in (run(f"{flag(name)}={value}"), run(**{variable(name): value})):
        assert result.exit_code == 2
        assert not seen
        lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1
        assert re.match(rf"Error: {flag(name)} \({variable(name)}\): ['\w]", lines[0]), lines
        assert "Traceback" not in result.output


def test_a_password_is_not_told() -> None:
    result, _ = run("--prometheus-url=ftp://ops:S3cret@prometheus:9090")
    assert result.exit_code == 2
    assert "//prometheus:9090" in result.output
    assert "S3cret" not in result.output


def test_an_unknown_flag_is_refused() -> None:
    result, _ = run("--intervall=5")
    assert result.exit_code == 2
    assert "--intervall" in result.output


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0.0.0.0:9402", ("0.0.0.0", 9402)),  # noqa: S104 - what is read, nothing listens
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::]:9402", ("::", 9402)),
        ("[::1]:1", ("::1", 1)),
        (":9402", ("", 9402)),
    ],
)
def test_addresses(address: str, expected: tuple[str, int]) -> None:
    assert Settings(metrics_address=address).metrics_address == address
    assert split_address(address) == expected


def test_two_processes_of_one_machine_have_different_names() -> None:
    assert Settings().identity != Settings().identity


@pytest.mark.parametrize("text", ["cluster=a", 'up{cluster="a"}', 'a="x"}) or vector(1', 'a="x" b="y"'])
def test_matchers_that_are_not_matchers_are_refused(text: str) -> None:
    result, _ = run("--prometheus-matchers", text)
    assert result.exit_code != 0
    assert "are not label matchers" in result.output

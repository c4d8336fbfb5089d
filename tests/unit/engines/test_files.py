"""What people write for the engines: schedules, profiles, kubeconfigs, time scales, command lines."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from engines.__main__ import main, parse
from engines.clock import ModelClock
from engines.cluster.kubeconfig import read_kubeconfig
from engines.cluster.pods import pod_view
from engines.profiles import load_profiles
from engines.schedule import MetricsFault, ReadinessFault, Schedule, ScheduleError, ScheduleFile


def written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_schedule_is_read_when_it_changes(tmp_path: Path) -> None:
    path = written(tmp_path / "schedule.yaml", {"deployments": {"bank/chat": {"rate_per_second": 1}}})
    watched = ScheduleFile(path)
    first = watched.read_if_changed()
    assert first is not None
    assert first.deployments["bank/chat"].rate_per_second == 1
    assert watched.read_if_changed() is None
    written(path, {"deployments": {"bank/chat": {"rate_per_second": 20}}})
    os.utime(path, ns=(1, 1))
    changed = watched.read_if_changed()
    assert changed is not None
    assert changed.deployments["bank/chat"].rate_per_second == 20


def test_no_schedule_is_no_traffic() -> None:
    assert ScheduleFile(None).read_if_changed() is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"deployments": {"bank/chat": {}}}, "either trace or rate_per_second"),
        ({"deployments": {"bank/chat": {"rate_per_second": 1, "trace": "x"}}}, "either trace or rate_per_second"),
        ({"deployments": {"chat": {"rate_per_second": 1}}}, "pattern"),
        ({"deployments": {"bank/chat": {"rate_per_second": -1}}}, "greater than or equal"),
        ({"deployments": {"bank/chat": {"rate": 1}}}, "Extra inputs"),
        ({"faults": [{"metrics": "error"}]}, "either pod or deployment"),
        ({"faults": [{"pod": "bank/a", "metrics": "explode"}]}, "'error', 'hang' or 'nan'"),
    ],
)
def test_bad_schedules_say_what_is_wrong_once(tmp_path: Path, content: Any, says: str) -> None:
    watched = ScheduleFile(written(tmp_path / "schedule.yaml", content))
    with pytest.raises(ScheduleError, match=says):
        watched.read_if_changed()
    assert watched.read_if_changed() is None


def test_unreadable_schedules_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [", encoding="utf-8")
    for path in (broken, tmp_path / "nowhere.yaml"):
        watched = ScheduleFile(path)
        with pytest.raises(ScheduleError, match=path.name):
            watched.read_if_changed()
        assert watched.read_if_changed() is None


def test_faults_of_a_pod_add_up(make_pod: Any) -> None:
    schedule = Schedule.model_validate(
        {
            "faults": [
                {"pod": "bank/chat-1", "metrics": "hang"},
                {"deployment": "bank/chat", "metrics": "nan", "readiness": "lost", "alpha_factor": 2},
                {"deployment": "bank/other", "alpha_factor": 9},
            ]
        }
    )
    fault = schedule.fault_of(pod_view(make_pod()))
    assert (fault.metrics, fault.readiness, fault.alpha_factor) == (MetricsFault.HANG, ReadinessFault.LOST, 2)
    assert schedule.fault_of(pod_view(make_pod("chat-2"))).metrics is MetricsFault.NAN


def test_profiles_are_defaults_and_what_differs(tmp_path: Path, make_pod: Any) -> None:
    content = {"defaults": {"start_seconds": 40, "kv_tokens": 1000}, "deployments": {"bank/chat": {"start_seconds": 5}}}
    profile = load_profiles(written(tmp_path / "profiles.yaml", content))(pod_view(make_pod()))
    assert (profile.start.median_seconds, profile.limits.kv_tokens) == (5, 1000)
    other = load_profiles(None)(pod_view(make_pod()))
    assert other.start.median_seconds == 100


def test_profiles_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        load_profiles(written(tmp_path / "profiles.yaml", {"defaults": {"alpha_seconds": 0}}))


def kubeconfig(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "c", "user": user}],
    }


def test_a_kubeconfig_gives_address_and_token(tmp_path: Path) -> None:
    access = read_kubeconfig(written(tmp_path / "config", kubeconfig(token="t")))  # noqa: S106 - no secret
    assert (access.url, access.token) == ("https://127.0.0.1:1", "t")


def test_kubeconfigs_that_do_not_help(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no token"):
        read_kubeconfig(written(tmp_path / "config", kubeconfig()))
    with pytest.raises(ValueError, match="no context named 'gone'"):
        read_kubeconfig(written(tmp_path / "config", kubeconfig(token="t") | {"current-context": "gone"}))  # noqa: S106 - no secret
    content = kubeconfig(token="t")  # noqa: S106 - no secret
    content["clusters"][0]["cluster"] = {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": base64.b64encode(b"no certificate").decode(),
    }
    with pytest.raises(ssl.SSLError):
        read_kubeconfig(written(tmp_path / "config", content))


@pytest.mark.parametrize("scale", [0.5, 16.0])
def test_time_scales_that_scrapes_cannot_follow(scale: float) -> None:
    with pytest.raises(ValueError, match="from 1 to 15"):
        ModelClock(scale)


def test_model_time_begins_at_zero_and_goes_on() -> None:
    clock = ModelClock(15.0)
    first = clock.seconds()
    assert 0 <= first <= clock.seconds()


def test_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_SCALE", "15")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    found = parse(["--kubeconfig", "k", "--port", "1"])
    assert (found.port, found.time_scale, found.schedule) == (1, 15.0, None)
    with pytest.raises(SystemExit):
        parse(["--port", "1"])


def test_errors_are_said_without_a_stack_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["engines", "--kubeconfig", str(tmp_path / "nowhere"), "--port", "1"])
    assert main() == 1
    assert "cannot simulate engines" in capsys.readouterr().err

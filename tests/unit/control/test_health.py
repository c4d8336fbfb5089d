from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelmatrix.control.health import HUNG_SECONDS, LOCKED_OUT_SECONDS, liveness_problem, readiness_problem


def unready(
    unsynced: Mapping[str, str] | None = None,
    absent: Sequence[str] = (),
    stale: Sequence[str] = (),
    other_installation: str = "",
) -> str:
    """Why a process with these problems is not ready."""
    return readiness_problem(unsynced=unsynced or {}, absent=absent, stale=stale, other_installation=other_installation)


def test_a_process_that_works_is_healthy_and_ready() -> None:
    assert liveness_problem(loop_silent_seconds=HUNG_SECONDS, locked_out_seconds=LOCKED_OUT_SECONDS) == ""
    assert unready() == ""


def test_a_loop_that_hangs_needs_a_restart() -> None:
    assert liveness_problem(loop_silent_seconds=121.0, locked_out_seconds=0.0) == "the control loop has not moved for 121 s"


def test_credentials_that_stay_refused_need_a_restart() -> None:
    words = "the API server and this process have not trusted each other for 601 s"
    assert liveness_problem(loop_silent_seconds=0.0, locked_out_seconds=601.0) == words


def test_half_a_picture_or_an_old_one_is_not_ready() -> None:
    assert unready({"pods": "", "nodes": ""}, stale=["pods"]) == "not read yet: pods, nodes"
    assert unready(stale=["pods"]) == "no news for 300 s of: pods"


def test_what_keeps_a_process_from_reading_is_quoted_once() -> None:
    away = "list of pods: connection refused"
    assert unready({"pods": "", "nodes": away, "services": away}) == f"not read yet: pods, nodes, services; {away}"


def test_missing_kinds_and_another_leader_are_named_with_what_helps() -> None:
    assert unready(absent=["modelprofiles"], other_installation="a/b") == (
        "the API server does not serve modelprofiles: install the CRDs"
    )
    assert unready(other_installation="system/two") == (
        "another installation leads this cluster: system/two; uninstall one of them"
    )

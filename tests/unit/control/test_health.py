from __future__ import annotations

from modelmatrix.control.health import HUNG_SECONDS, LOCKED_OUT_SECONDS, liveness_problem, readiness_problem


def test_a_process_that_works_is_healthy_and_ready() -> None:
    assert liveness_problem(loop_silent_seconds=HUNG_SECONDS, locked_out_seconds=LOCKED_OUT_SECONDS) == ""
    assert readiness_problem(unsynced=[], stale=[]) == ""


def test_a_loop_that_hangs_needs_a_restart() -> None:
    assert liveness_problem(loop_silent_seconds=121.0, locked_out_seconds=0.0) == "the control loop has not moved for 121 s"


def test_credentials_that_stay_refused_need_a_restart() -> None:
    words = "the API server and this process have not trusted each other for 601 s"
    assert liveness_problem(loop_silent_seconds=0.0, locked_out_seconds=601.0) == words


def test_half_a_picture_or_an_old_one_is_not_ready() -> None:
    assert readiness_problem(unsynced=["pods", "nodes"], stale=["pods"]) == "not read yet: pods, nodes"
    assert readiness_problem(unsynced=[], stale=["pods"]) == "no news for 300 s of: pods"

"""The number of replicas that is wanted now, and the reason for it."""

from __future__ import annotations

from typing import Any

import pytest

from factories import NOW, deployment_spec
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.replicas import DesiredReplicas, desired_replicas
from modelmatrix.planning.snapshot.snapshot import ScaleDecision

AFTERNOON = {"name": "afternoon", "start": "0 14 * * *", "end": "0 18 * * *", "timeZone": "UTC", "minReplicas": 3}
NIGHT = {"name": "night", "start": "0 22 * * *", "end": "0 6 * * *", "timeZone": "UTC", "minReplicas": 5}


def wanted(decided: int | None = None, current: int = 1, start_seconds: float = 0.0, **fields: Any) -> DesiredReplicas:
    """What is wanted at 14:13 with a decision of the policy, or with none."""
    decision = None if decided is None else ScaleDecision(decided, Reason.LOAD_RISING, "12 requests/s")
    return desired_replicas(
        deployment_spec(**fields), current=current, decision=decision, now_seconds=NOW, start_seconds=start_seconds
    )


def scaled(*schedule: dict[str, Any], least: int = 1) -> dict[str, Any]:
    return {"scaling": {"minReplicas": least, "maxReplicas": 6, "schedule": list(schedule)}}


@pytest.mark.parametrize(
    ("decided", "current", "fields", "expected"),
    [
        (None, 9, {"replicas": 2}, (2, "BoundsChanged", "spec.replicas is 2")),
        (None, 9, {"replicas": 0}, (0, "ScaledToZero", "spec.replicas is 0")),
        (4, 1, scaled() | {"suspend": True}, (0, "Suspended", "spec.suspend is true")),
        (4, 1, scaled(), (4, "LoadRising", "12 requests/s")),
        (None, 4, scaled(), (4, "Steady", "")),
        (9, 1, scaled(), (6, "BoundsChanged", "9 exceeds maxReplicas 6")),
        (None, 0, scaled(least=2), (2, "BoundsChanged", "0 is below minReplicas 2")),
        (0, 1, scaled(least=0), (0, "ScaledToZero", "minReplicas is 0 and no window is open")),
        (0, 1, scaled(AFTERNOON, least=0), (3, "ScheduledFloor", "schedule window afternoon requires 3")),
        (4, 1, scaled(AFTERNOON), (4, "LoadRising", "12 requests/s")),
        (1, 1, scaled(AFTERNOON, least=4), (4, "BoundsChanged", "1 is below minReplicas 4")),
        (1, 1, scaled(NIGHT), (1, "LoadRising", "12 requests/s")),
    ],
)
def test_the_number_and_its_reason(
    decided: int | None, current: int, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    found = wanted(decided, current, **fields)
    assert (found.replicas, found.reason, found.message) == expected


def test_the_highest_floor_of_open_windows_counts() -> None:
    lunch = AFTERNOON | {"name": "lunch", "start": "0 12 * * *", "end": "0 15 * * *", "minReplicas": 4}
    for schedule in ([AFTERNOON, lunch, NIGHT], [NIGHT, lunch, AFTERNOON]):
        assert wanted(1, **scaled(*schedule)).message == "schedule window lunch requires 4"


@pytest.mark.parametrize(("start", "own", "replicas"), [(0.0, {}, 1), (900.0, {}, 2), (900.0, {"leadSeconds": 60}, 1)])
def test_replicas_come_the_lead_time_before_a_window_and_its_own_lead_time_wins(
    start: float, own: dict[str, Any], replicas: int
) -> None:
    soon = AFTERNOON | {"start": "25 14 * * *", "minReplicas": 2} | own
    assert wanted(1, start_seconds=start, **scaled(soon)).replicas == replicas

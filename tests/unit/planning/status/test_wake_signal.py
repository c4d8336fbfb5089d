"""A deployment without replicas has no engine to ask: something else must wake it, or it says so."""

from __future__ import annotations

from typing import Any

import pytest

from factories import deployment, nodes, pool, snapshot
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, PlanSettings, ScaleDecision

WINDOW = {"name": "day", "start": "0 1 * * *", "end": "0 2 * * *", "timeZone": "Asia/Shanghai"}
PLAIN, GATEWAY = PlanSettings(), PlanSettings(gateway_metric=True)


def asleep(settings: PlanSettings = PLAIN, measured: MeasuredSlo | None = None, **fields: Any) -> Plan:
    scaling = {"minReplicas": 0, "maxReplicas": 3, **fields.pop("scaling", {})}
    view = deployment(scaling=scaling, **fields)
    state = snapshot(
        deployments=(view,),
        pools=(pool(),),
        nodes=nodes(1),
        decisions={view.key: ScaleDecision(0, Reason.SCALED_TO_ZERO, "")},
        measured={view.key: measured} if measured else {},
        settings=settings,
    )
    return plan(state)


def signals(made: Plan) -> dict[str, Any]:
    (status,) = made.statuses.values()
    assert status["desiredReplicas"] == 0
    return next(condition for condition in status["conditions"] if condition["type"] == "SignalsFresh")


@pytest.mark.parametrize("schedule", [[], [WINDOW | {"minReplicas": 0}]])
def test_without_a_wake_signal_it_warns_and_says_what_to_change(schedule: list[Any]) -> None:
    made = asleep(scaling={"schedule": schedule})
    found = signals(made)
    assert (found["status"], found["reason"]) == ("False", "NoWakeSignal")
    assert "gateway-query" in found["message"]
    (note,) = [event for event in made.events if event.reason is Reason.NO_WAKE_SIGNAL]
    assert note.warning


def test_it_is_ready_all_the_same() -> None:
    (status,) = asleep().statuses.values()
    ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "ScaledToZero")


@pytest.mark.parametrize(
    "made",
    [
        asleep(scaling={"schedule": [WINDOW | {"minReplicas": 1}]}),
        asleep(GATEWAY),
        asleep(GATEWAY, MeasuredSlo(Reason.SCALED_TO_ZERO, "no replica, no signals")),
        asleep(suspend=True),
    ],
)
def test_what_can_be_woken_or_shall_not_be_is_fine(made: Plan) -> None:
    found = signals(made)
    assert (found["status"], found["reason"]) == ("True", "ScaledToZero")


def test_a_gateway_that_cannot_be_asked_wakes_nobody() -> None:
    made = asleep(GATEWAY, MeasuredSlo(Reason.PROMETHEUS_UNAVAILABLE, "Prometheus answered 500"))
    found = signals(made)
    assert (found["status"], found["reason"]) == ("False", "PrometheusUnavailable")
    assert found["message"] == "the gateway's requests are not known: Prometheus answered 500"

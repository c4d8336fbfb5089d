from __future__ import annotations

from typing import Any

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer, Reset
from fakes.waiting import FakeClock
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.writers import event_recorder as events_module
from modelmatrix.cluster.writers.event_recorder import REPEAT_SECONDS, EventRecorder
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.snapshot.views import NamespacedName

# k8s.io/kubernetes/pkg/apis/core/validation/events.go
MOST_BYTES = {"reportingInstance": 128, "action": 128, "reason": 128, "note": 1024}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_790_000_000.25)


@pytest.fixture
def recorder(client: ApiClient, clock: FakeClock) -> EventRecorder:
    return EventRecorder(client, "operator-0" + "x" * 200, clock)


def note(message: str = "on ascend-a", *, kind: Kind = names.MODEL_DEPLOYMENTS, **fields: Any) -> EventRecord:
    key = NamespacedName("bank" if kind.namespaced else "", "chat")
    known = {"uid": "u1", "action": "Place", "reason": Reason.PLACED, "message": message}
    return EventRecord(kind, key, **(known | fields))


def written(api: FakeApiServer) -> list[dict[str, Any]]:
    return api.store.list("events")


async def test_an_event_has_every_field_that_the_api_server_demands(api: FakeApiServer, recorder: EventRecorder) -> None:
    await recorder.record(note())
    (event,) = written(api)
    assert event["apiVersion"] == "events.k8s.io/v1"
    assert event["eventTime"] == "2026-09-21T14:13:20.250000Z"
    assert event["reportingController"] == "modelmatrix.io/operator"
    assert event["reportingInstance"].startswith("operator-0")
    assert (event["type"], event["action"], event["reason"], event["note"]) == ("Normal", "Place", "Placed", "on ascend-a")
    assert event["regarding"] == {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "ModelDeployment",
        "name": "chat",
        "namespace": "bank",
        "uid": "u1",
    }
    assert event["metadata"]["namespace"] == "bank"
    assert event["metadata"]["name"].startswith("chat.")


@pytest.mark.parametrize("message", ["x" * 5000, "长" * 5000, "a" + "é" * 5000, ""])
async def test_texts_fit_their_fields(api: FakeApiServer, recorder: EventRecorder, message: str) -> None:
    await recorder.record(note(message))
    (event,) = written(api)
    for name, most in MOST_BYTES.items():
        assert len(event[name].encode()) <= most
    assert event["note"] == "" or message.startswith(event["note"].removesuffix("..."))


@pytest.mark.parametrize(("warning", "expected"), [(True, "Warning"), (False, "Normal")])
async def test_an_event_is_a_warning_or_normal(
    api: FakeApiServer, recorder: EventRecorder, *, warning: bool, expected: str
) -> None:
    await recorder.record(note(warning=warning))
    assert written(api)[0]["type"] == expected


async def test_events_of_cluster_scoped_objects_are_in_default(api: FakeApiServer, recorder: EventRecorder) -> None:
    await recorder.record(note(kind=names.ACCELERATOR_POOLS))
    (event,) = written(api)
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["regarding"]


async def test_an_equal_event_is_told_once_in_two_minutes(
    api: FakeApiServer, recorder: EventRecorder, clock: FakeClock
) -> None:
    for _ in range(4):
        await recorder.record(note())
        clock.pass_(REPEAT_SECONDS / 4)
    assert len(written(api)) == 1
    await recorder.record(note())
    assert len(written(api)) == 2


@pytest.mark.parametrize("other", [note("elsewhere"), note(uid="u2"), note(reason=Reason.DISPLACED)])
async def test_another_event_is_told(api: FakeApiServer, recorder: EventRecorder, other: EventRecord) -> None:
    await recorder.record(note())
    await recorder.record(other)
    assert len(written(api)) == 2


@pytest.mark.parametrize("fault", [Answer(422, "Invalid"), Answer(404, "NotFound"), Answer(429), Reset()])
async def test_an_event_that_is_refused_stops_nothing(
    api: FakeApiServer, recorder: EventRecorder, fault: Answer | Reset, caplog: pytest.LogCaptureFixture
) -> None:
    api.faults.add(fault, times=1)
    await recorder.record(note())
    assert "Placed for bank/chat was not written" in caplog.text
    await recorder.record(note("next"))
    assert len(written(api)) == 1


async def test_it_remembers_so_many_and_no_more(
    api: FakeApiServer, recorder: EventRecorder, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_REMEMBERED_EVENTS", 3)
    for number in range(4):
        await recorder.record(note(str(number)))
    clock.pass_(1)
    await recorder.record(note("3"))
    await recorder.record(note("0"))  # forgotten: told again
    assert [event["note"] for event in written(api)].count("0") == 2
    assert [event["note"] for event in written(api)].count("3") == 1

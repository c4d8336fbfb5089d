from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer, Hang, Reset, of
from fakes.waiting import FakeClock, settle, until
from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.writers.applier import CACHE_LAG_SECONDS, MAX_REJECTED_SECONDS, MAX_TRANSIENT_SECONDS, Applier
from modelmatrix.planning.actions.action import Action, Adopt, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.snapshot.views import NamespacedName

CHAT = NamespacedName("bank", "chat")
OWNER = {"uid": "owner", "controller": True}


class Bench:
    """An applier with its clocks, on the fake API server."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.clock = FakeClock()
        self.failed = 0
        self.applier = Applier(client, self.clock, lambda: 1_790_000_000.0 + self.clock(), self._fail)

    def _fail(self) -> None:
        self.failed += 1

    async def do(self, *actions: Action) -> None:
        """Submit and wait until everything that was started has ended."""
        self.applier.submit(actions)
        await self.applier.in_flight.drain()


@pytest.fixture
def bench(client: ApiClient) -> Bench:
    return Bench(client)


def manifest(name: str, *, owner: str = "owner", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "bank", "ownerReferences": [{**OWNER, "uid": owner}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def create(name: str, *, deployment: NamespacedName = CHAT, **spec: Any) -> Create:
    return Create(names.DEPLOYMENTS, NamespacedName("bank", name), deployment, manifest(name, **spec))


def apply(api: FakeApiServer, name: str, *, uid: str = "", **spec: Any) -> Apply:
    found = uid or api.stored(names.DEPLOYMENTS, NamespacedName("bank", name))["metadata"]["uid"]
    return Apply(names.DEPLOYMENTS, NamespacedName("bank", name), CHAT, manifest(name, **spec), found)


async def test_it_creates_applies_scales_and_deletes(api: FakeApiServer, bench: Bench) -> None:
    key = NamespacedName("bank", "w")
    await bench.do(create("w", replicas=1))
    uid = api.stored(names.DEPLOYMENTS, key)["metadata"]["uid"]
    await bench.do(apply(api, "w", replicas=2))
    assert api.stored(names.DEPLOYMENTS, key)["spec"] == {"replicas": 2}
    await bench.do(Scale(names.DEPLOYMENTS, key, CHAT, uid, 3))
    assert api.stored(names.DEPLOYMENTS, key)["spec"] == {"replicas": 3}
    await bench.do(Delete(names.DEPLOYMENTS, key, CHAT, uid))
    assert api.store.list("deployments") == []
    assert [request.verb for request in api.requests] == ["create", "get", "patch", "patch", "patch", "delete"]
    assert (bench.applier.failures, bench.applier.next_due) == ({}, None)


async def test_a_victim_is_marked_for_its_controller_and_its_namesake_is_not(api: FakeApiServer, bench: Bench) -> None:
    key = NamespacedName("bank", "w-1")
    uid = api.put(names.PODS, key, spec={})["metadata"]["uid"]
    await bench.do(SetDeletionCost(names.PODS, key, CHAT, "another"))
    assert "annotations" not in api.stored(names.PODS, key)["metadata"]
    await bench.do(SetDeletionCost(names.PODS, key, CHAT, uid))
    assert api.stored(names.PODS, key)["metadata"]["annotations"] == {names.DELETION_COST: "-1000"}


async def test_an_object_of_others_is_left_alone_and_named(api: FakeApiServer, bench: Bench) -> None:
    theirs = api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"), spec={"replicas": 7})
    await bench.do(create("w", replicas=1))
    assert api.stored(names.DEPLOYMENTS, NamespacedName("bank", "w")) == theirs
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.NAME_CONFLICT
    assert "Deployment bank/w exists and is not managed by this operator" in failure.message


async def test_an_object_with_another_owner_of_our_kind_is_not_ours(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"), metadata={"ownerReferences": [{**OWNER, "uid": "another chat"}]})
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures[CHAT].reason is Reason.NAME_CONFLICT


OURS = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_DEPLOYMENT: "chat"}


@pytest.mark.parametrize(
    ("labels", "owners", "taken"),
    [
        (OURS, [], True),
        (OURS, [{"uid": "a foreign helper"}], True),
        (OURS, [{**OWNER, "uid": "a controller"}], False),
        (OURS | {names.LABEL_DEPLOYMENT: "another"}, [], False),
        (OURS | {names.LABEL_MANAGED_BY: "Helm"}, [], False),
        ({names.LABEL_DEPLOYMENT: "chat"}, [], False),
        ({}, [], False),
    ],
)
async def test_an_orphan_with_our_labels_is_taken_back_and_nothing_else(
    api: FakeApiServer, bench: Bench, labels: dict[str, str], owners: list[dict[str, object]], *, taken: bool
) -> None:
    key = NamespacedName("bank", "w")
    api.put(names.DEPLOYMENTS, key, metadata={"labels": labels, "ownerReferences": owners}, spec={"replicas": 3})
    action = create("w", replicas=1)
    action.manifest["metadata"]["labels"] = OURS
    await bench.do(action)
    stored = api.stored(names.DEPLOYMENTS, key)
    assert (stored["spec"]["replicas"] == 1, CHAT not in bench.applier.failures) == (taken, taken)
    assert any(owner["uid"] == "owner" for owner in stored["metadata"]["ownerReferences"]) == taken


async def test_a_retired_orphan_gets_its_owner_back_by_uid(api: FakeApiServer, bench: Bench) -> None:
    key = NamespacedName("bank", "w")
    uid = api.put(names.DEPLOYMENTS, key, spec={"replicas": 3})["metadata"]["uid"]
    await bench.do(Adopt(names.DEPLOYMENTS, key, CHAT, "another", (OWNER,)))
    assert "ownerReferences" not in api.stored(names.DEPLOYMENTS, key)["metadata"]
    bench.clock.pass_(60)
    await bench.do(Adopt(names.DEPLOYMENTS, key, CHAT, uid, (OWNER,)))
    stored = api.stored(names.DEPLOYMENTS, key)
    assert (stored["metadata"]["ownerReferences"], stored["spec"]) == ([OWNER], {"replicas": 3})


async def test_what_is_not_wished_any_more_goes(api: FakeApiServer, bench: Bench) -> None:
    await bench.do(create("w", replicas=1, pod={"hostNetwork": True, "image": "a"}, tolerations=["all"]))
    api.store.patch("deployments", NamespacedName("bank", "w"), {"spec": {"paused": True}}, manager="kubectl")
    await bench.do(apply(api, "w", replicas=1, pod={"image": "b"}))
    assert api.stored(names.DEPLOYMENTS, NamespacedName("bank", "w"))["spec"] == {
        "replicas": 1,
        "pod": {"image": "b"},
        "paused": True,
    }


async def test_what_a_create_has_set_is_taken_over_once(api: FakeApiServer, bench: Bench) -> None:
    await bench.do(create("w", replicas=1))
    api.requests.clear()
    for replicas in (2, 3):
        await bench.do(apply(api, "w", replicas=replicas))
    assert [request.verb for request in api.requests] == ["get", "patch", "patch", "patch"]
    api.requests.clear()
    restarted = Bench(bench.client)
    await restarted.do(apply(api, "w", replicas=4))
    assert [request.verb for request in api.requests] == ["get", "patch"]


async def test_a_change_between_the_look_and_the_take_over_is_a_conflict(api: FakeApiServer, bench: Bench) -> None:
    await bench.do(create("w", replicas=1))
    action = apply(api, "w", replicas=2)
    api.faults.add(Answer(409, "Conflict"), of("patch"), times=1)
    await bench.do(action)
    assert bench.applier.failures == {}
    bench.clock.pass_(1)
    await bench.do(action)
    assert api.stored(names.DEPLOYMENTS, NamespacedName("bank", "w"))["spec"] == {"replicas": 2}


async def test_an_object_of_ours_that_lost_its_labels_gets_them_back(api: FakeApiServer, bench: Bench) -> None:
    action = create("w", replicas=2)
    action.manifest["metadata"]["labels"] = {"managed-by": "us"}
    await bench.do(action)
    api.store.patch(
        "deployments", NamespacedName("bank", "w"), {"metadata": {"labels": {"managed-by": "them"}}}, manager="them"
    )
    bench.clock.pass_(100)
    await bench.do(action)
    assert api.stored(names.DEPLOYMENTS, NamespacedName("bank", "w"))["metadata"]["labels"] == {"managed-by": "us"}
    assert bench.applier.failures == {}


async def test_an_object_of_ours_that_is_being_deleted_is_waited_for(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"), metadata={"ownerReferences": [OWNER], "deletionTimestamp": "now"})
    await bench.do(create("w", replicas=1))
    assert [request.verb for request in api.writes] == ["create"]
    assert bench.applier.failures == {}
    assert bench.applier.next_due == bench.clock() + 1


async def test_an_object_of_ours_that_the_cache_does_not_show_yet_is_no_conflict(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"), metadata={"ownerReferences": [OWNER]})
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures == {}


async def test_an_object_of_others_that_is_gone_again_is_no_conflict(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(409, "AlreadyExists"), of("create"), times=1)
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures == {}
    bench.clock.pass_(1)
    await bench.do(create("w", replicas=1))
    assert len(api.store.list("deployments")) == 1


async def test_a_lost_acknowledgement_makes_no_second_object(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Reset(commits=True), of("create"), times=1)
    action = create("w", replicas=1)
    await bench.do(action)
    assert bench.failed == 1
    bench.clock.pass_(1)
    await bench.do(action)
    assert len(api.store.list("deployments")) == 1
    assert (bench.applier.failures, bench.applier.next_due) == ({}, None)


@pytest.mark.parametrize("uid", ["uid-of-the-one-before"])
async def test_a_namesake_is_never_touched(api: FakeApiServer, bench: Bench, uid: str) -> None:
    key = NamespacedName("bank", "w")
    namesake = api.put(names.DEPLOYMENTS, key, spec={"replicas": 7})
    for action in (
        apply(api, "w", uid=uid, replicas=1),
        Scale(names.DEPLOYMENTS, key, CHAT, uid, 0),
        Delete(names.DEPLOYMENTS, key, CHAT, uid),
    ):
        await bench.do(action)
        bench.clock.pass_(MAX_REJECTED_SECONDS)
    assert [request.verb for request in api.requests] == ["get", "patch", "delete"]
    assert api.stored(names.DEPLOYMENTS, key) == namesake
    assert bench.applier.failures == {}  # the next plan will see the namesake


@pytest.mark.parametrize("what", ["apply", "scale", "delete"])
async def test_an_object_that_is_gone_is_neither_made_again_nor_a_failure(api: FakeApiServer, bench: Bench, what: str) -> None:
    key = NamespacedName("bank", "w")
    actions: dict[str, Action] = {
        "apply": Apply(names.DEPLOYMENTS, key, CHAT, manifest("w"), "uid-9"),
        "scale": Scale(names.DEPLOYMENTS, key, CHAT, "uid-9", 1),
        "delete": Delete(names.DEPLOYMENTS, key, CHAT, "uid-9"),
    }
    await bench.do(actions[what])
    assert api.store.list("deployments") == []
    assert bench.applier.failures == {}


async def test_a_refusal_is_told_in_the_api_servers_words(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(403, "Forbidden: exceeded quota"))
    await bench.do(create("w"))
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.WRITE_FAILED
    assert failure.message == "Deployment bank/w: planned: Forbidden: exceeded quota"
    assert failure.since_seconds == 1_790_001_000.0
    assert bench.failed == 1


async def test_a_failure_keeps_the_time_of_its_beginning(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"))
    await bench.do(create("w"))
    bench.clock.pass_(10)
    await bench.do(create("w"))
    assert bench.applier.failures[CHAT].since_seconds == 1_790_001_000.0


async def pauses(api: FakeApiServer, bench: Bench, *, tries: int) -> list[float]:
    """How long each try of an action lets the next one wait."""
    found = []
    for _ in range(tries):
        await bench.do(create("w"))
        due = bench.applier.next_due
        assert due is not None
        found.append(due - bench.clock())
        sent = len(api.writes)
        await bench.do(create("w"))  # too early
        assert len(api.writes) == sent
        bench.clock.seconds = due
    return found


async def test_refusals_back_off(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"))
    assert await pauses(api, bench, tries=12) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Answer(409, "Conflict"), Reset()])
async def test_what_passes_by_itself_is_tried_again_soon(api: FakeApiServer, bench: Bench, fault: Answer | Reset) -> None:
    api.faults.add(fault)
    assert await pauses(api, bench, tries=7) == [1, 2, 4, 8, 16, MAX_TRANSIENT_SECONDS, MAX_TRANSIENT_SECONDS]


async def test_a_corrected_action_does_not_wait_for_the_refused_one(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"), times=5)
    for _ in range(5):
        await bench.do(create("w", replicas=-1))
        bench.clock.seconds = bench.applier.next_due or 0.0
    bench.clock.pass_(-10)
    await bench.do(create("w", replicas=1))
    assert len(api.store.list("deployments")) == 1
    assert (bench.applier.failures, bench.applier.next_due) == ({}, None)


async def test_a_webhook_that_fails_is_told_when_it_has_not_passed(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(500, 'failed calling webhook "vleaderworkerset.kb.io"'))
    for _ in range(2):
        await bench.do(create("w"))
        assert bench.applier.failures == {}
        bench.clock.seconds = bench.applier.next_due or 0.0
    await bench.do(create("w"))
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.WRITE_FAILED
    assert 'failed calling webhook "vleaderworkerset.kb.io"' in failure.message


@pytest.mark.parametrize("fault", [Answer(503), Answer(429), Reset()])
async def test_an_api_server_that_is_away_is_no_failure_of_a_deployment(
    api: FakeApiServer, bench: Bench, fault: Answer | Reset
) -> None:
    api.faults.add(fault)
    await pauses(api, bench, tries=9)
    assert bench.applier.failures == {}


async def test_what_somebody_changes_back_is_named_and_written_ever_more_seldom(api: FakeApiServer, bench: Bench) -> None:
    wished = {"replicas": 1, "containers": [{"image": "a"}]}
    await bench.do(create("w", **wished))
    action = apply(api, "w", **wished)
    sent = []
    for second in range(200):
        theirs = {"spec": {"containers": [{"image": "mirror/a"}]}}
        api.store.patch("deployments", NamespacedName("bank", "w"), theirs, manager="policy")
        before = len(api.writes)
        await bench.do(action)
        if len(api.writes) > before:
            sent.append(second)
        bench.clock.pass_(1)
    assert sent == [0, 5, 15, 35, 75, 155]
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.WRITE_FAILED
    assert failure.message == ("Deployment bank/w: a user or a policy reverts spec.containers[0].image after each write")
    for _ in range(2):  # and now nobody does
        await bench.do()
        bench.clock.pass_(400)
    await bench.do()
    assert bench.applier.failures == {}


async def test_what_was_changed_back_once_is_nobodys_failure(api: FakeApiServer, bench: Bench) -> None:
    await bench.do(create("w", replicas=1))
    await bench.do(apply(api, "w", replicas=2))
    bench.clock.pass_(CACHE_LAG_SECONDS)
    api.store.patch("deployments", NamespacedName("bank", "w"), {"spec": {"replicas": 7}}, manager="kubectl")
    await bench.do(apply(api, "w", replicas=2))
    assert bench.applier.failures == {}


async def test_a_success_ends_the_backoff(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(500), times=3)
    for _ in range(4):
        await bench.do(create("w"))
        bench.clock.pass_(MAX_REJECTED_SECONDS)
    assert bench.applier.next_due is None
    api.faults.add(Answer(500), times=1)
    await bench.do(apply(api, "w", replicas=2))
    assert bench.applier.next_due == bench.clock() + 1


@pytest.mark.parametrize("fault", [Answer(500), Answer(429), Answer(409, "Conflict"), Reset()])
async def test_what_passes_by_itself_is_no_failure(api: FakeApiServer, bench: Bench, fault: Answer | Reset) -> None:
    api.faults.add(fault, times=1)
    await bench.do(create("w"))
    assert bench.applier.failures == {}
    assert bench.failed == 1
    bench.clock.pass_(1)
    await bench.do(create("w"))
    assert len(api.store.list("deployments")) == 1


async def test_one_bad_object_does_not_stop_others(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"), lambda request: request.body["metadata"]["name"] == "w1")
    api.faults.add(Reset(), lambda request: request.body["metadata"]["name"] == "w2")
    await bench.do(*(create(f"w{number}") for number in range(5)))
    assert [item["metadata"]["name"] for item in api.store.list("deployments")] == ["w0", "w3", "w4"]


async def test_a_write_that_hangs_does_not_stop_others(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Hang(), lambda request: request.body["metadata"]["name"] == "w0")
    bench.applier.submit([create("w0")])
    await until(lambda: len(api.requests) == 1)
    bench.applier.submit([create("w0"), create("w1")])
    await until(lambda: len(api.store.list("deployments")) == 1)
    assert [request.body["metadata"]["name"] for request in api.writes] == ["w0", "w1"]


async def test_what_was_just_done_is_not_done_again(api: FakeApiServer, bench: Bench) -> None:
    action = create("w", replicas=1)
    await bench.do(action)
    await bench.do(action)  # the cache does not show it yet
    assert len(api.writes) == 1
    await bench.do(apply(api, "w", replicas=2))  # another action of the same object is
    assert api.stored(names.DEPLOYMENTS, NamespacedName("bank", "w"))["spec"] == {"replicas": 2}
    sent = len(api.writes)
    bench.clock.pass_(CACHE_LAG_SECONDS)
    await bench.do(apply(api, "w", replicas=2))  # somebody has undone it
    assert len(api.writes) == sent + 1


async def test_a_failure_is_forgotten_when_the_plan_does_not_want_the_write_any_more(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"))
    await bench.do(create("w"))
    assert bench.applier.failures
    bench.clock.pass_(1)
    await bench.do()  # the user has renamed the pool, so another workload is planned, or none
    assert bench.applier.failures == {}
    assert bench.applier.next_due is None


async def test_a_failure_stays_while_the_plan_wants_the_write(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, NamespacedName("bank", "w"))
    for _ in range(3):
        await bench.do(create("w"))
        assert bench.applier.failures
    bench.clock.pass_(1)
    api.faults.add(Answer(503), times=1)
    await bench.do(create("w"))  # nobody knows: the conflict is not solved by that
    assert bench.applier.failures[CHAT].reason is Reason.NAME_CONFLICT


async def test_a_write_that_is_under_way_is_not_due(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(500), times=1)
    api.faults.add(Hang())
    await bench.do(create("w"))
    bench.clock.pass_(1)
    bench.applier.submit([create("w")])
    await settle()
    assert bench.applier.next_due is None  # else the loop would look again and again, and never let it go on


async def test_at_most_sixteen_writes_are_under_way(api: FakeApiServer, bench: Bench) -> None:
    hang = api.faults.add(Hang())
    bench.applier.submit([create(f"w{number}") for number in range(30)])
    await until(lambda: len(api.requests) == 16)
    await asyncio.sleep(0.02)
    assert len(api.requests) == 16
    api.faults.remove(hang)

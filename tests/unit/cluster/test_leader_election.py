from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.elections import NEVER, Process, Weather, World
from fakes.virtual_time import simulate
from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import TlsError, TransientError, error_from
from modelmatrix.cluster.leader_election import LeaderElector
from modelmatrix.cluster.observed_lease import Holder
from modelmatrix.planning.snapshot.views import NamespacedName

KEY = NamespacedName("system", names.LEASE_NAME)
TICK = 1e-6  # the least time that passes: clocks of different rates round differently


@contextmanager
def election(*process_names: str, world: World | None = None) -> Iterator[tuple[World, list[Process]]]:
    """Processes that take part, freed at the end."""
    shared = world or World()
    with ExitStack() as stack:
        processes = [Process(shared, name) for name in process_names]
        for process in processes:
            stack.callback(process.close)
        yield shared, processes


def run(world: World, processes: list[Process], seconds: float, *, look: float = 0.25) -> list[tuple[float, str]]:
    """Let time pass. Who led when, one entry for each change; two that lead at once fail the test.

    Looks at every event, and every ``look`` seconds.
    """
    history: list[tuple[float, str]] = []
    end = world.now + seconds
    while world.now < end:
        due = min(end, world.now + look, world.next_event, *(process.next_event for process in processes))
        world.advance(min(end, max(due, world.now + TICK)))
        for process in processes:
            process.run()
        leaders = [process.name for process in processes if process.leads]
        assert len(leaders) <= 1, f"{leaders} lead at {world.now:.2f} s"
        leader = leaders[0] if leaders else ""
        if not history or history[-1][1] != leader:
            history.append((round(world.now, 2), leader))
    return history


def lease(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.store.get(names.LEASES.plural, KEY)["spec"]
    return found


def test_the_first_makes_the_lease_and_leads() -> None:
    with election("a") as (world, processes):
        history = run(world, processes, 30)
        assert [leader for _, leader in history] == ["", "a"]
        spec = lease(world)
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("a", 10, 1)


def test_the_second_waits_while_the_first_renews() -> None:
    with election("a", "b") as (world, processes):
        run(world, processes, 120)
        assert [process.leads for process in processes] == [True, False]
        assert lease(world)["leaseTransitions"] == 1


def test_a_leader_that_is_killed_is_followed_when_its_lease_has_ended() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a.kill()
        history = run(world, [a, b], 30)
        assert history[-1][1] == "b"
        assert 8 < history[-1][0] - 30 <= 10.1, "a duration after the last renewal, without a poll in between"
        assert lease(world)["leaseTransitions"] == 2


def test_a_leader_that_ends_gives_its_lease_up() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a.terminate()
        history = run(world, [a, b], 10)
        assert history[-1][1] == "b"
        assert history[-1][0] - 30 <= 0.2
        assert a.ended


def test_a_restart_under_the_same_name_leads_at_once() -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        a.kill()
        with election("a", world=world) as (_, (again,)):
            assert run(world, [again], 3)[-1][1] == "a"
        assert lease(world)["leaseTransitions"] == 1


def test_a_leader_that_is_cut_off_has_given_up_before_another_leads() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a.cut(NEVER)
        history = run(world, [a, b], 40)
    assert [leader for _, leader in history] == ["a", "", "b"]
    assert history[2][0] - history[1][0] > 1.5, "the clocks of two machines are never equal"


@pytest.mark.parametrize("is_there", [False, True])
def test_of_two_that_want_the_lease_at_once_one_gets_it(*, is_there: bool) -> None:
    world = World(weather=lambda: Weather(0.5, 0.5))
    if is_there:
        world.store.create(names.LEASES.plural, KEY, {"metadata": {}, "spec": {"holderIdentity": ""}})
    with election("a", "b", world=world) as (_, processes):
        assert run(world, processes, 30)[-1][1] in ("a", "b")


def test_clocks_of_others_do_not_matter() -> None:
    """A renewal that claims to be from another century is as good as any other."""
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a.kill()
        world.store.patch(names.LEASES.plural, KEY, {"spec": {"renewTime": "1999-01-01T00:00:00.000000Z"}})
        assert run(world, [b], 9)[-1][1] == ""
        assert run(world, [b], 2)[-1][1] == "b"


@pytest.mark.parametrize(
    "weather", [Weather(refuses=True), Weather(there=NEVER), Weather(back=NEVER), Weather(there=6, back=6)]
)
def test_a_leader_without_answers_gives_up_and_ends(weather: Weather) -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        world.weather = lambda: weather
        history = run(world, [a], 20)
        assert history[-1][1] == ""
        assert 5 <= history[-1][0] - 30 <= 8.1
        assert a.ended


def test_a_short_outage_changes_nothing() -> None:
    with election("a", "b") as (world, processes):
        run(world, processes, 30)
        world.weather = lambda: Weather(refuses=True)
        history = run(world, processes, 5.9)
        world.weather = Weather
        history += run(world, processes, 30)
    assert {leader for _, leader in history} == {"a"}


def test_a_slow_network_changes_nothing() -> None:
    with election("a", "b", world=World(weather=lambda: Weather(0.9, 0.9))) as (world, processes):
        history = run(world, processes, 120)
    assert [leader for _, leader in history] == ["", "a"]


@pytest.mark.parametrize("seconds", [7, 9, 10.5, 12, 20, 60])
def test_a_leader_that_was_stopped_does_not_write_when_it_goes_on(seconds: float) -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a.stopped_until = world.now + seconds
        run(world, [a, b], seconds)
        leaders = [leader for _, leader in run(world, [a, b], 20)]
        if seconds > 10.2:
            assert leaders == ["b"]
            assert a.ended
        else:
            assert leaders[-1] in ("a", "b")


def test_a_leader_that_was_stopped_has_lost_before_it_does_anything() -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        a.stopped_until = world.now + 20
        world.advance(world.now + 20)
        assert not a.leads, "the first line that it runs must see it"


def test_a_write_ends_before_another_can_lead() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        assert b.elector.write_seconds == 0
        a.cut(NEVER)
        last_end = 0.0
        while not b.leads:
            run(world, [a, b], 0.1)
            last_end = max(last_end, world.now + a.elector.write_seconds if a.leads else 0)
        assert last_end < world.now - 0.5
        assert a.elector.write_seconds == 0


def test_a_request_that_was_given_up_and_arrives_late_does_no_harm() -> None:
    """The API server hangs with the leader's renewal in its buffer, and carries it out after another leads."""
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        a_weather = iter([Weather(), Weather(there=40)])
        normal = Weather()
        world.weather = lambda: next(a_weather, normal)
        run(world, [a], 4)
        a.kill()
        assert run(world, [a, b], 60)[-1][1] == "b"


def test_a_release_leaves_the_lease_of_another_alone() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 30)
        world.store.patch(names.LEASES.plural, KEY, {"spec": {"holderIdentity": "somebody"}})
        a.terminate()
        run(world, [a], 2)
        assert lease(world)["holderIdentity"] == "somebody"


@pytest.mark.parametrize("weather", [Weather(refuses=True), Weather(there=NEVER)])
def test_a_release_that_fails_does_not_hold_the_process(weather: Weather) -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        world.weather = lambda: weather
        a.terminate()
        run(world, [a], 6)
        assert a.ended


def test_a_lease_that_holds_nonsense_is_taken_when_it_has_ended() -> None:
    world = World()
    world.store.create(names.LEASES.plural, KEY, {"metadata": {}, "spec": {"holderIdentity": "ghost"}})
    with election("a", world=world) as (_, (a,)):
        history = run(world, [a], 30)
    assert 10 <= history[-1][0] <= 10.1
    assert history[-1][1] == "a"


def test_a_lease_that_is_deleted_protects_its_holder_all_the_same() -> None:
    with election("a", "b") as (world, processes):
        run(world, processes, 30)
        world.store.delete(names.LEASES.plural, KEY)
        history = run(world, processes, 30)
        assert [leader for _, leader in history] == ["a"]
        assert lease(world)["holderIdentity"] == "a"


def test_a_leader_that_finds_another_holder_stops_at_once() -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        world.store.patch(names.LEASES.plural, KEY, {"spec": {"holderIdentity": "somebody"}})
        run(world, [a], 2)
        assert a.ended


def test_a_claim_whose_answer_the_process_does_not_wait_for_is_released() -> None:
    with election("a", world=World(weather=lambda: Weather(back=1))) as (world, (a,)):
        run(world, [a], 1.1)
        assert not a.leads
        assert lease(world)["holderIdentity"] == "a"
        a.terminate()
        run(world, [a], 5)
        assert lease(world)["holderIdentity"] == ""


def test_a_renewal_that_arrives_during_the_release_does_not_undo_it() -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 30)
        weather = iter([Weather(there=0.05), Weather(), Weather(there=0.1)])  # of the renewal, of the read, of the release
        world.weather = lambda: next(weather, Weather())
        sent = a.client.sent
        while a.client.sent == sent:
            run(world, [a], 0.01)
        a.terminate()
        run(world, [a], 2)
        assert lease(world)["holderIdentity"] == ""


def test_without_a_watch_it_polls() -> None:
    """The rights of an older chart have no watch."""
    with election("a", "b") as (world, (a, b)):
        b.client.watches = False
        run(world, [a, b], 30)
        a.terminate()
        assert run(world, [a, b], 2)[-1][1] == "b"


def test_the_other_process_sends_nothing_while_it_watches() -> None:
    with election("a", "b") as (world, (a, b)):
        run(world, [a, b], 5)
        sent = b.client.sent
        run(world, [a, b], 60)
        assert b.client.sent == sent
        assert a.client.sent <= 60 / 1.5 + 10, "a renewal is one request"


def test_processes_of_another_installation_wait_for_those_of_the_one_that_led() -> None:
    with election("a", "b") as (world, (a, b)):
        other = Process(world, "b", installation="system/two")  # the same name: the installation tells them apart
        run(world, [a], 5)
        run(world, [a, other], 30)
        assert (a.leads, other.elector.other_installation, a.elector.other_installation) == (True, "system/one", "")
        a.terminate()
        assert run(world, [a, other], 25)[-1][1] == ""
        run(world, [b, other], 20)
        assert (b.leads, other.leads) == (True, False), "an upgrade does not hand the cluster over"
        b.terminate()
        run(world, [b, other], 31)
        assert (other.leads, other.elector.other_installation) == (True, "")
        other.close()


def test_another_installation_is_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    with election("a") as (world, (a,)):
        run(world, [a], 5)
        other = Process(world, "b", installation="system/two")
        run(world, [a, other], 30)
        other.close()
    said = [record.message for record in caplog.records if "this installation does not lead" in record.message]
    assert said == ["this installation does not lead: system/one does, and one leads in a cluster; uninstall one of them"]


weathers = st.one_of(
    st.builds(Weather, st.floats(0, 1), st.floats(0, 1)),
    st.builds(Weather, st.floats(0, 30), st.floats(0, 30)),
    st.just(Weather(refuses=True)),
    st.just(Weather(there=NEVER)),
    st.just(Weather(back=NEVER)),
)
rates_of_clocks = st.tuples(*[st.floats(0.95, 1.05)] * 3)
events = st.sampled_from(["nothing", "stop", "cut", "cut", "kill", "terminate", "start"])
steps = st.lists(st.tuples(st.floats(0.1, 12), events, st.integers(0, 2), st.floats(1, 40)), max_size=12)


@settings(max_examples=150)
@given(
    script=steps,
    forecast=st.lists(weathers, max_size=40),
    rates=st.tuples(*[st.floats(0.95, 1.05)] * 3),
    seed=st.integers(0, 2**32),
)
def test_two_never_lead_at_once(
    script: list[tuple[float, str, int, float]], forecast: list[Weather], rates: tuple[float, ...], seed: int
) -> None:
    """Whatever the network, the scheduler of the machines and their clocks do."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    world = World(weather=lambda: dice.choice(forecast) if forecast and dice.random() < 0.5 else Weather())
    with ExitStack() as stack:
        processes = [
            Process(world, f"p{number}", rate, installation=f"system/{'one' if number else 'two'}")
            for number, rate in enumerate(rates)
        ]
        for process in processes:
            stack.callback(process.close)
        for seconds, event, number, length in script:
            process = processes[number]
            if event == "stop":
                process.stopped_until = world.now + length
            elif event == "cut":
                process.cut(length)
            elif event == "kill":
                process.kill()
            elif event == "terminate":
                process.terminate()
            elif event == "start" and process.ended:
                fresh = Process(world, f"{process.name}x", rates[number])
                stack.callback(fresh.close)
                processes[number] = fresh
            run(world, processes, seconds, look=5)


class Refusing:
    """A client that gets no lease, for one reason after the other."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = itertools.cycle(errors)

    async def get(self, *_: object, **__: object) -> None:
        raise next(self.errors)


@pytest.mark.parametrize(
    ("errors", "locked_out"),
    [
        ([TlsError("certificate verify failed")], True),
        ([error_from(401, {})], True),
        ([TlsError("certificate verify failed"), error_from(401, {})], True),
        ([TransientError("connection refused")], False),
        ([error_from(503, {})], False),
        ([error_from(403, {})], False),
        ([error_from(401, {}), TransientError("connection refused")], False),
    ],
)
def test_it_knows_for_how_long_only_a_restart_would_help(errors: list[Exception], *, locked_out: bool) -> None:
    async def main() -> float:
        client = cast("ApiClient", Refusing(*errors))
        elector = LeaderElector(client, "system", Holder("system/one", "a"), asyncio.get_running_loop().time)
        with suppress(TimeoutError):
            async with asyncio.timeout(100):
                await elector.run()
        return elector.locked_out_seconds

    assert (simulate(main()) > 90) == locked_out

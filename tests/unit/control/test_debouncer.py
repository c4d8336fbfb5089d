from __future__ import annotations

import asyncio
from functools import partial

from fakes.virtual_time import simulate
from modelmatrix.control.debouncer import COALESCE_SECONDS, FOLLOWING_SECONDS, MAX_COALESCE_SECONDS, Debouncer


def now() -> float:
    return asyncio.get_running_loop().time()


def waking() -> Debouncer:
    return Debouncer(now)


def woken(*nudges: tuple[float, bool], until: float = 60.0) -> float:
    """When a wait ends; nudges are times, and whether they may follow from our own writes."""

    async def main() -> float:
        wakeup = waking()
        for second, follows in nudges:
            asyncio.get_running_loop().call_later(second, partial(wakeup.trigger, follows=follows))
        await wakeup.wait(until=until, coalesce_seconds=COALESCE_SECONDS)
        return now()

    return simulate(main())


def test_it_waits_for_a_change_and_a_moment_longer() -> None:
    assert woken((3, False), (3.05, False), (9, False)) == 3 + COALESCE_SECONDS


def test_what_follows_from_our_own_writes_may_wait_for_more_of_it() -> None:
    assert woken((3, True), (3.4, True), (9, True)) == 3 + FOLLOWING_SECONDS


def test_what_people_write_does_not_wait_for_what_follows() -> None:
    assert woken((3, True), (3.25, False)) == 3.25


def test_it_looks_again_when_the_time_has_come() -> None:
    assert woken(until=15) == 15


def test_a_change_during_the_last_cycle_is_not_lost() -> None:
    async def main() -> list[float]:
        wakeup, seen = waking(), []
        wakeup.trigger(follows=True)
        for _ in range(2):
            await wakeup.wait(until=now() + 15, coalesce_seconds=1)
            seen.append(now())
        return seen

    assert simulate(main()) == [1, 16]


def test_no_pause_is_longer_than_two_seconds() -> None:
    async def main() -> float:
        wakeup = waking()
        wakeup.trigger()
        await wakeup.wait(until=60, coalesce_seconds=1000)
        return now()

    assert simulate(main()) == MAX_COALESCE_SECONDS


def test_a_time_that_has_passed_lets_others_run_first() -> None:
    async def main() -> float:
        """What the control loop does while a write that is overdue is under way."""
        done = asyncio.Event()

        async def write() -> None:
            await asyncio.sleep(0)
            done.set()

        wakeup, task = waking(), asyncio.create_task(write())
        for _ in range(3):
            await wakeup.wait(until=now() - 5, coalesce_seconds=COALESCE_SECONDS)
        assert done.is_set(), "the loop has starved everything else"
        await task
        return now()

    assert simulate(main()) == 3 * COALESCE_SECONDS

from __future__ import annotations

import asyncio
from functools import partial

from fakes.virtual_time import simulate
from modelmatrix.api import names
from modelmatrix.control.wakeup import COALESCE_SECONDS, FOLLOWING_SECONDS, MAX_COALESCE_SECONDS, WakeUp
from modelmatrix.planning.views import Key

A, B = Key("bank", "a"), Key("bank", "b")


def now() -> float:
    return asyncio.get_running_loop().time()


def waking() -> WakeUp:
    return WakeUp(now)


def test_it_waits_for_a_change_and_a_moment_longer() -> None:
    async def main() -> tuple[int, float]:
        wakeup = waking()
        asyncio.get_running_loop().call_later(3, wakeup.add, names.MODEL_DEPLOYMENTS, A)
        asyncio.get_running_loop().call_later(3.05, wakeup.add, names.MODEL_DEPLOYMENTS, B)
        asyncio.get_running_loop().call_later(9, wakeup.add, names.MODEL_DEPLOYMENTS, A)
        return await wakeup.wait(until=60, coalesce_seconds=COALESCE_SECONDS), now()

    assert simulate(main()) == (2, 3 + COALESCE_SECONDS)


def test_what_follows_from_our_own_writes_may_wait_for_more_of_it() -> None:
    async def main() -> tuple[int, float]:
        wakeup = waking()
        for second, key in ((3, A), (3.4, B), (9, A)):
            asyncio.get_running_loop().call_later(second, partial(wakeup.add, names.PODS, key, follows=True))
        return await wakeup.wait(until=60, coalesce_seconds=COALESCE_SECONDS), now()

    assert simulate(main()) == (2, 3 + FOLLOWING_SECONDS)


def test_what_people_write_does_not_wait_for_what_follows() -> None:
    async def main() -> tuple[int, float]:
        wakeup = waking()
        asyncio.get_running_loop().call_later(3, partial(wakeup.add, names.SERVICES, A, follows=True))
        asyncio.get_running_loop().call_later(3.25, wakeup.add, names.MODEL_DEPLOYMENTS, B)
        return await wakeup.wait(until=60, coalesce_seconds=COALESCE_SECONDS), now()

    assert simulate(main()) == (2, 3.25)


def test_one_object_that_changes_often_is_one() -> None:
    async def main() -> int:
        wakeup = waking()
        for _ in range(5):
            wakeup.add(names.PODS, A)
        wakeup.add(names.NODES, A)
        return await wakeup.wait(until=60, coalesce_seconds=0)

    assert simulate(main()) == 2


def test_it_looks_again_when_the_time_has_come() -> None:
    async def main() -> tuple[int, float]:
        return await waking().wait(until=15, coalesce_seconds=COALESCE_SECONDS), now()

    assert simulate(main()) == (0, 15)


def test_a_change_during_the_last_cycle_is_not_lost() -> None:
    async def main() -> list[tuple[int, float]]:
        wakeup, seen = waking(), []
        wakeup.add(names.PODS, A)
        for _ in range(2):
            count = await wakeup.wait(until=now() + 15, coalesce_seconds=1)
            seen.append((count, now()))
        return seen

    assert simulate(main()) == [(1, 1), (0, 16)]


def test_a_nudge_wakes_without_a_name() -> None:
    async def main() -> tuple[int, float]:
        wakeup = waking()
        asyncio.get_running_loop().call_later(2, wakeup.nudge)
        return await wakeup.wait(until=15, coalesce_seconds=0), now()

    assert simulate(main()) == (0, 2)


def test_no_pause_is_longer_than_two_seconds() -> None:
    async def main() -> float:
        wakeup = waking()
        wakeup.nudge()
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

from __future__ import annotations

import asyncio

from fakes.virtual_time import simulate
from fakes.waiting import settle
from modelmatrix.cluster.writers.inflight import InFlight

A = ("pods", "a")


async def test_a_write_is_under_way_until_it_has_ended() -> None:
    gate, seen = asyncio.Event(), list[bool]()
    flight = InFlight(on_finish=lambda: seen.append(A in flight))

    async def write() -> None:
        await gate.wait()

    flight.start(A, write)
    assert A in flight
    assert ("pods", "b") not in flight
    gate.set()
    await flight.drain()
    await settle()
    assert A not in flight
    assert seen == [False], "whoever looks when it has ended must not find it"


async def test_so_many_run_at_once_and_the_others_wait() -> None:
    flight, gate, running = InFlight(2), asyncio.Event(), list[int]()

    async def write(number: int) -> None:
        running.append(number)
        await gate.wait()

    for number in range(5):
        flight.start(("pods", number), lambda number=number: write(number))  # type: ignore[misc]
    await settle()
    assert running == [0, 1]
    assert all(("pods", number) in flight for number in range(5))
    gate.set()
    await flight.drain()
    assert running == [0, 1, 2, 3, 4]


async def test_drain_waits_for_what_starts_meanwhile() -> None:
    flight, done = InFlight(), list[str]()

    async def first() -> None:
        await asyncio.sleep(0)
        flight.start(("pods", "second"), second)
        done.append("first")

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    flight.start(("pods", "first"), first)
    await flight.drain()
    assert done == ["first", "second"]


async def test_one_kind_does_not_wait_for_another() -> None:
    flight, gate, done = InFlight(1), asyncio.Event(), list[str]()

    async def slow() -> None:
        await gate.wait()

    async def quick() -> None:
        done.append("deployment")

    flight.start(("services", "chat"), slow)
    flight.start(("deployments", "chat"), quick)
    await settle()
    assert done == ["deployment"]
    gate.set()
    await flight.drain()


def test_the_last_writes_have_a_little_time_to_end() -> None:
    async def main() -> tuple[list[str], float, bool]:
        flight, ended = InFlight(), list[str]()

        async def write(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            ended.append(name)

        flight.start(("pods", "quick"), lambda: write("quick", 1))
        flight.start(("pods", "hangs"), lambda: write("hangs", 30))
        await settle()
        assert not await flight.shutdown(3)
        await settle()
        return ended, asyncio.get_running_loop().time(), ("pods", "hangs") in flight

    assert simulate(main()) == (["quick"], 3, False)


def test_what_has_not_begun_at_the_end_is_left_to_the_next_leader() -> None:
    async def main() -> tuple[list[str], float]:
        flight, begun = InFlight(1), list[str]()

        async def write(name: str) -> None:
            begun.append(name)
            await asyncio.sleep(1)

        for name in ("first", "second", "third"):
            flight.start(("pods", name), lambda name=name: write(name))  # type: ignore[misc]
        await settle()
        assert await flight.shutdown(3)
        return begun, asyncio.get_running_loop().time()

    assert simulate(main()) == (["first"], 1)

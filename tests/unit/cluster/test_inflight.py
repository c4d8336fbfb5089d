from __future__ import annotations

import asyncio

from fakes.waiting import settle
from modelmatrix.cluster.inflight import InFlight


async def test_a_write_is_under_way_until_it_has_ended() -> None:
    gate, seen = asyncio.Event(), list[bool]()
    flight = InFlight(ended=lambda: seen.append("a" in flight))

    async def write() -> None:
        await gate.wait()

    flight.start("a", write)
    assert "a" in flight
    assert "b" not in flight
    gate.set()
    await flight.drain()
    await settle()
    assert "a" not in flight
    assert seen == [False], "whoever looks when it has ended must not find it"


async def test_so_many_run_at_once_and_the_others_wait() -> None:
    flight, gate, running = InFlight(2), asyncio.Event(), list[int]()

    async def write(number: int) -> None:
        running.append(number)
        await gate.wait()

    for number in range(5):
        flight.start(number, lambda number=number: write(number))  # type: ignore[misc]
    await settle()
    assert running == [0, 1]
    assert all(number in flight for number in range(5))
    gate.set()
    await flight.drain()
    assert running == [0, 1, 2, 3, 4]


async def test_drain_waits_for_what_starts_meanwhile() -> None:
    flight, done = InFlight(), list[str]()

    async def first() -> None:
        await asyncio.sleep(0)
        flight.start("second", second)
        done.append("first")

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    flight.start("first", first)
    await flight.drain()
    assert done == ["first", "second"]

"""How many devices of a node the CPU and the memory that are left serve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.planning.inventory.pod_compute import scarcity, served_devices
from modelmatrix.planning.snapshot.views import Compute

GIB = 2**30
NODE = Compute(64_000, 512 * GIB, 100 * GIB, 110)


def left(cores: float, gibibytes: int, pods: int = 100) -> Compute:
    return Compute(int(cores * 1000), gibibytes * GIB, 0, pods)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        *((left(32, 128), 8), (left(31.9, 512), 7), (left(64, 127), 7)),
        *((left(3, 512), 0), (left(-1, 512), -1), (left(64, 512, 0), 0)),
    ],
)
def test_devices_that_are_served(compute: Compute, expected: int) -> None:
    assert served_devices(compute) == expected


@pytest.mark.parametrize(
    ("compute", "words", "lost"),
    [
        (left(12, 512), "12 of 64 CPU cores free", 5),
        (left(64, 40), "40 of 512 GiB of memory free", 6),
        (left(64, 512, 0), "0 of 110 pods free", 8),
        (left(-4, 512), "0 of 64 CPU cores free", 8),
    ],
)
def test_what_is_scarce_has_a_name_and_numbers(compute: Compute, words: str, lost: int) -> None:
    found = scarcity(compute, NODE, 8)
    assert found is not None
    assert (str(found), found.devices) == (words, lost)


def test_nothing_is_scarce_where_every_free_device_is_served() -> None:
    assert scarcity(left(12, 512), NODE, 3) is None
    assert scarcity(left(0, 0), NODE, 0) is None


computes = st.builds(Compute, st.integers(-9000, 70_000), st.integers(-GIB, 600 * GIB), st.just(0), st.integers(-2, 110))


@given(computes, st.integers(-4, 16))
def test_scarcity_says_exactly_what_is_not_served(compute: Compute, free: int) -> None:
    found = scarcity(compute, NODE, free)
    assert (found.devices if found else 0) == max(0, free - max(0, served_devices(compute)))

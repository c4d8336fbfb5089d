"""The search for the best price of dropped work."""

from __future__ import annotations

import pytest

from benchmark.bound.dual import maximize


@pytest.mark.parametrize("place", [0.3, 2.0, 4.7])
def test_it_comes_close_to_the_maximum_and_never_above(place: float) -> None:
    found = maximize(lambda x: 10.0 - (x - place) ** 2, 0.0, 5.0)
    assert 9.98 < found <= 10.0


def test_a_maximum_at_the_end_is_approached() -> None:
    assert maximize(lambda x: x, 0.0, 5.0) > 4.9

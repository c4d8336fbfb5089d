"""The closed form of a block of steps against adding step by step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.simulation.engine.decode_batch import block_seconds, steps_ending_by, steps_reaching

dyadic = st.integers(1, 4000).map(lambda number: number / 4096)


@given(base=dyadic, growth=st.integers(0, 400).map(lambda number: number / 4096), steps=st.integers(0, 200))
def test_a_block_lasts_as_long_as_its_steps(base: float, growth: float, steps: int) -> None:
    assert block_seconds(steps, base, growth) == sum(base + growth * step for step in range(1, steps + 1))


@given(base=dyadic, growth=st.integers(0, 400).map(lambda number: number / 4096), span=st.integers(0, 200_000))
def test_steps_by_a_time_and_to_a_time_meet_at_it(base: float, growth: float, span: int) -> None:
    start, limit = 3.0, 3.0 + span / 4096
    within = steps_ending_by(limit, start, base, growth)
    assert start + block_seconds(within, base, growth) <= limit < start + block_seconds(within + 1, base, growth)
    reaching = steps_reaching(limit, start, base, growth)
    assert start + block_seconds(reaching, base, growth) >= limit
    assert reaching == 0 or start + block_seconds(reaching - 1, base, growth) < limit

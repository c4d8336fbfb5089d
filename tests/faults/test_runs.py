"""A seeded sample of fault plans on a real API server; ``make faults`` runs as many as one wants."""

from __future__ import annotations

import pytest

from faults.__main__ import run_edits, run_plans
from faults.cluster import control_plane, running

PLANS, EDITS, SEED = 20, 24, 20261128


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")  # operators that are killed leave what they were doing
@pytest.mark.timeout(900)
async def test_whatever_is_edited_or_fails_the_fleet_ends_as_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    with control_plane("test-faults") as cluster:
        async with running(cluster) as runner:
            edits = await run_edits(runner, SEED, EDITS)
            assert [item.violations for item in edits if item.violations] == []
            assert 0 < sum(item.refused for item in edits) < EDITS
            tally = await run_plans(runner, SEED, 0, PLANS)
    assert tally.broken == 0, capsys.readouterr().out
    assert len(tally.plans) == PLANS

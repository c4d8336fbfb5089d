"""Who gets devices that several deployments want."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.autoscalers.autoscaler_config import Recipe
from benchmark.environment.engines import QWEN32_H100X2, placement
from benchmark.environment.pools import Pools
from benchmark.environment.simulated_deployment import Deployed
from benchmark.scenarios.arrivals import SteppedArrivals, Tokens
from benchmark.scenarios.scenario import Deployment, Mode, Pool, Scenario
from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
from modelmatrix.simulation.cluster.policy import StaticPolicy
from modelmatrix.simulation.metrics.scraper import Scraper

TOKENS = Tokens(input=1000, output=100)
RECIPE = Recipe(family="static", setting="", module="", build=lambda *_: StaticPolicy({}))
DEPLOYMENT = Deployment(
    name="first",
    arrivals=SteppedArrivals(steps=((600, 1.0),), tokens=TOKENS),
    lengths=TokenLengths(input_tokens=1000, output_tokens=100),
    slo=SloBounds(ttft_seconds=2.0, tpot_seconds=0.05),
    placements=(placement("h100", QWEN32_H100X2, "pool", start_seconds=60.0),),
)


def world(devices: int | None, *, second_priority: int = 1) -> tuple[Deployed, Deployed, Pools]:
    other = replace(DEPLOYMENT, name="second", priority=second_priority)
    scenario = Scenario(
        id="",
        title="",
        seconds=600,
        deployments=(DEPLOYMENT, other),
        mode=Mode.REQUEST,
        pools=(Pool(name="pool", devices=devices),),
    )
    first, second = (Deployed(scenario, one, RECIPE, 1, Scraper()) for one in scenario.deployments)
    return first, second, Pools(scenario, [first, second])


def present(one: Deployed) -> int:
    return len(one.environment.replica_set.replicas)


def test_everybody_gets_what_they_want_where_there_is_no_limit() -> None:
    first, second, pools = world(None)
    first.desired, second.desired = {"h100": 40}, {"h100": 50}
    pools.grant()
    assert (present(first), present(second)) == (40, 50)
    assert pools.rooms(first) == {}


@pytest.mark.parametrize(("priority", "expected"), [(1, (6, 4)), (-1, (4, 6))])
def test_the_more_important_comes_first(priority: int, expected: tuple[int, int]) -> None:
    first, second, pools = world(20, second_priority=priority)
    assert (present(first), present(second)) == (2, 2)
    first.desired, second.desired = {"h100": 6}, {"h100": 6}
    pools.grant()
    assert (present(first), present(second)) == expected
    assert pools.held("pool") == 20
    assert pools.rooms(first) == {"h100": 0}


def test_who_waits_gets_what_others_give_back() -> None:
    first, second, pools = world(12)
    first.desired, second.desired = {"h100": 4}, {"h100": 4}
    pools.grant()
    first.desired = {"h100": 2}
    pools.grant()
    pools.grant()
    assert (present(first), present(second)) == (2, 4)


def test_half_of_a_pool_takes_half_of_the_replicas_with_it() -> None:
    first, second, pools = world(16)
    first.desired, second.desired = {"h100": 4}, {"h100": 4}
    pools.grant()
    pools.lose_half("pool")
    assert (present(first), present(second)) == (2, 2)
    assert pools.rooms(first) == {"h100": 0}
    pools.grant()
    assert pools.held("pool") == 8

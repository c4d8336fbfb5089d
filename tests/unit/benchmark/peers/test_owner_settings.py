"""What peers are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.environment.engines import QWEN32_910BX4, QWEN32_A100X4, QWEN32_H100X2, placement, prior_of
from benchmark.peers.owner_settings import owner_settings
from benchmark.peers.static import static_peak
from benchmark.scenarios.arrivals import SteppedArrivals
from benchmark.scenarios.scenario import Deployment, Pool, Scenario
from benchmark.scenarios.workloads import CHAT_TOKENS, INTERACTIVE, conversation, lengths_of

PLACEMENTS = (
    placement("h100", QWEN32_H100X2, "h100"),
    placement("a100", QWEN32_A100X4, "a100"),
    placement("910b", QWEN32_910BX4, "910b"),
)
CHAT = Deployment(
    name="chat",
    arrivals=conversation(seconds=7200),
    lengths=lengths_of(CHAT_TOKENS),
    slo=INTERACTIVE,
    placements=PLACEMENTS,
    home="a100",
)
SCENARIO = Scenario(
    id="",
    title="",
    seconds=7200,
    deployments=(CHAT,),
    pools=(Pool(name="h100", devices=9), Pool(name="a100", price=0.1), Pool(name="910b")),
)


def test_variants_that_cannot_keep_the_slo_are_left_out_and_the_cheapest_per_request_comes_first() -> None:
    site = owner_settings(SCENARIO, CHAT)
    assert [choice.name for choice in site.choices] == ["a100", "h100"]
    assert site.home.name == "a100"
    assert {choice.name: (choice.cost, choice.max_replicas) for choice in site.choices} == {"a100": (0.4, 64), "h100": (2.0, 4)}


def test_the_capacity_is_the_true_one() -> None:
    h100 = owner_settings(SCENARIO, CHAT).choices[1]
    assert h100.per_second == CHAT.capacity_per_second(PLACEMENTS[0].variant)
    # Little's law over the whole time that a request is there.
    assert h100.in_flight == pytest.approx(h100.per_second * 10.7, rel=0.05)


def test_the_product_is_told_a_roofline_instead() -> None:
    assert PLACEMENTS[0].prior == prior_of(QWEN32_H100X2.layout) != PLACEMENTS[0].variant.timing


def test_static_is_sized_for_the_busiest_minute() -> None:
    # 47 requests/s at 5.6 each.
    stairs = SteppedArrivals(steps=((600, 1.0), (120, 47.0), (600, 1.0)), tokens=CHAT_TOKENS)
    assert static_peak(replace(CHAT, arrivals=stairs)).replicas == {"a100": 9}

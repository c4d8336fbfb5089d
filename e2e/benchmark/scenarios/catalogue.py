"""The scenarios of the benchmark, S1 to S9. Data only.

All values were chosen before the first results: sizes give a deployment a few to a few dozen replicas; bursts and faults are
where a bank meets them, in the steep part of its working day.
"""

from __future__ import annotations

from dataclasses import replace

from benchmark.environment.engines import QWEN32_H100X4, QWEN32_LLMD, placement
from benchmark.scenarios.arrivals import DAY_SECONDS, Overlay, SteppedArrivals, Tokens
from benchmark.scenarios.length_shifts import LengthMix, ShiftingLengths
from benchmark.scenarios.ramp_faults import mornings, slow_replica
from benchmark.scenarios.scenario import HOUR_SECONDS, Deployment, Mode, Scenario
from benchmark.scenarios.shared_pools import bank, three_kinds
from benchmark.scenarios.workloads import (
    CHAT_TOKENS,
    CODE_TOKENS,
    MONDAY,
    RELAXED,
    coding,
    conversation,
    lengths_of,
    one_model,
)
from modelmatrix.performance.engine_timing import SloBounds, TokenLengths


def steady(id_: str, share: float) -> Scenario:
    """S1: Poisson arrivals at a share of the capacity of ten replicas."""
    idle = one_model(SteppedArrivals(steps=(), tokens=CHAT_TOKENS), CHAT_TOKENS)
    rate = 10.0 * share * idle.capacity_per_second(idle.home_variant)
    seconds = 4 * HOUR_SECONDS
    return Scenario(
        id=id_,
        title=f"steady, {share:.0%} of what ten replicas serve",
        seconds=seconds,
        deployments=(one_model(SteppedArrivals(steps=((seconds, round(rate, 3)),), tokens=CHAT_TOKENS), CHAT_TOKENS),),
    )


def weeks() -> list[Scenario]:
    """S2: a week of working days, a week of conversations."""
    week = Scenario(
        id="S2-coding",
        title="week of the Azure coding trace x 1.5",
        seconds=7 * DAY_SECONDS,
        train_seconds=3 * DAY_SECONDS,
        deployments=(one_model(coding(), CODE_TOKENS),),
    )
    return [
        week,
        replace(
            week,
            id="S2-conversation",
            title="week of the Azure conversation trace x 2",
            deployments=(one_model(conversation(), CHAT_TOKENS),),
        ),
    ]


def bursts() -> list[Scenario]:
    """S4: flash bursts, a market that opens, the end of a month."""
    days = 2 * DAY_SECONDS
    flashing = coding(first_second=MONDAY, seconds=days, flashes=10)
    opening = Overlay(start_second=13 * HOUR_SECONDS + 1800, duration_seconds=2 * HOUR_SECONDS, factor=4.0, decay_seconds=900.0)
    ending = Overlay(start_second=DAY_SECONDS, duration_seconds=DAY_SECONDS, factor=1.6)
    flash = Scenario(
        id="S4-flash",
        title="ten bursts of 5 min at 3 x in two days",
        seconds=days,
        deployments=(one_model(flashing, CODE_TOKENS),),
        is_flash=True,
    )
    return [
        flash,
        replace(
            flash,
            id="S4-flash-15s",
            title="the same, replicas start in 15 s",
            deployments=(one_model(flashing, CODE_TOKENS, start_seconds=15.0),),
        ),
        replace(
            flash,
            id="S4-market",
            title="a market opens: 4 x at once, decaying in 15 min",
            seconds=DAY_SECONDS,
            deployments=(one_model(coding(first_second=MONDAY, seconds=DAY_SECONDS, overlays=(opening,)), CODE_TOKENS),),
        ),
        replace(
            flash,
            id="S4-month-end",
            title="a day at 1.6 x after an ordinary one",
            train_seconds=DAY_SECONDS,
            deployments=(one_model(conversation(first_second=DAY_SECONDS, seconds=days, overlays=(ending,)), CHAT_TOKENS),),
            is_flash=False,
        ),
    ]


def length_shifts() -> list[Scenario]:
    """S5: prompts grow fourfold in half an hour at the same rate; the prefix cache is lost at once."""
    growing = (
        LengthMix(0, 0.25, 0.0),
        LengthMix(5400, 0.25, 0.0),
        LengthMix(7200, 1.0, 0.0),
        LengthMix(14_400, 1.0, 0.0),
        LengthMix(16_200, 0.25, 0.0),
    )
    flushed = (
        LengthMix(0, 1.0, 0.6),
        LengthMix(7200, 1.0, 0.6),
        LengthMix(7201, 1.0, 0.0),
        LengthMix(14_400, 1.0, 0.0),
        LengthMix(16_200, 1.0, 0.6),
    )

    def scenario(id_: str, title: str, kinds: tuple[LengthMix, ...], lengths: TokenLengths) -> Scenario:
        seconds = 6 * HOUR_SECONDS
        deployment = Deployment(
            name="rag",
            arrivals=ShiftingLengths(seconds=seconds, rate=4.0, kinds=kinds),
            lengths=lengths,
            slo=replace(RELAXED, ttft_seconds=10.0),
            placements=(placement("h100x4", QWEN32_H100X4, "devices"),),
        )
        return Scenario(id=id_, title=title, seconds=seconds, deployments=(deployment,), mode=Mode.REQUEST)

    whole = TokenLengths(input_tokens=12_035, output_tokens=343)
    return [
        scenario("S5-input", "prompts grow fourfold and shrink again", growing, replace(whole, input_tokens=7522)),
        scenario("S5-cache", "the prefix cache is lost: hits from 60 % to none", flushed, replace(whole, hit_ratio=0.35)),
    ]


def start_times() -> list[Scenario]:
    """S6: two working days with other start times than the 180 s of S2."""
    arrivals = coding(first_second=MONDAY, seconds=2 * DAY_SECONDS)
    return [
        Scenario(
            id=f"S6-{seconds}s",
            title=f"two working days, replicas start in {seconds} s",
            seconds=2 * DAY_SECONDS,
            train_seconds=DAY_SECONDS,
            deployments=(one_model(arrivals, CODE_TOKENS, start_seconds=float(seconds)),),
        )
        for seconds in (10, 60, 360)
    ]


def staircase() -> Scenario:
    """S8: the episode that llm-d published for its SLO-aware guide."""
    tokens = Tokens(input=4000, output=1000)
    steps = ((330, 2.0), (360, 4.0), (360, 6.0), (360, 8.0), (360, 10.0), (360, 4.0), (300, 1.0))
    deployment = Deployment(
        name="llm-d",
        arrivals=SteppedArrivals(steps=steps, tokens=tokens),
        lengths=lengths_of(tokens),
        slo=SloBounds(ttft_seconds=3.0, tpot_seconds=0.1, percentile=99.0),
        placements=(placement("h100", QWEN32_LLMD, "devices", start_seconds=100.0),),
        max_replicas=8,
    )
    return Scenario(
        id="S8-staircase",
        title="llm-d's published staircase",
        seconds=sum(seconds for seconds, _ in steps),
        deployments=(deployment,),
        mode=Mode.REQUEST,
    )


SCENARIOS: tuple[Scenario, ...] = (
    steady("S1-50", 0.5),
    steady("S1-80", 0.8),
    *weeks(),
    bank(),
    *bursts(),
    *length_shifts(),
    *start_times(),
    *mornings(),
    *slow_replica(),
    staircase(),
    three_kinds(),
)


def scenario_of(id_: str) -> Scenario:
    """The scenario with an id.

    Raises:
        KeyError: no scenario has this id.
    """
    return {scenario.id: scenario for scenario in SCENARIOS}[id_]

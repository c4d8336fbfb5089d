"""What was measured, as users read it: the SLO's condition, the signals' condition, and figures that do not flicker."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import deployment, nodes, pool, snapshot
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo

SLO = {"ttftMilliseconds": 2000, "percentile": 95}
STORED = {"attainmentPercent": "97.5", "ttftMilliseconds": 800, "tpotMilliseconds": 40, "observedSeconds": 300}


def status(measured: MeasuredSlo, **fields: Any) -> dict[str, Any]:
    view = deployment(**({"slo": SLO} | fields))
    state = snapshot(deployments=(view,), pools=(pool(),), nodes=nodes(1), measured={view.key: measured})
    return plan(state).statuses[view.key]


def said(type_: str, measured: MeasuredSlo, **fields: Any) -> tuple[str, str, str]:
    """Status, reason and message of a condition."""
    found = next(item for item in status(measured, **fields)["conditions"] if item["type"] == type_)
    return found["status"], found["reason"], found["message"]


def figures(attained: float, ttft: int | None = 800, tpot: int | None = 40, **stored: Any) -> dict[str, Any]:
    """What the status says of a measurement after ``STORED`` was said."""
    found: dict[str, Any] = status(
        MeasuredSlo(Reason.SIGNALS_FRESH, "", attained, ttft, tpot, 600), status={"slo": STORED | stored}
    )["slo"]
    return found


@pytest.mark.parametrize(
    ("attained", "expected", "words"),
    [
        (97.5, ("True", "SLOMet"), "at or above"),
        (95.0, ("True", "SLOMet"), "at or above"),
        (94.9, ("False", "SLOMissed"), "below"),
    ],
)
def test_an_slo_is_met_from_its_percentile_on(attained: float, expected: tuple[str, str], words: str) -> None:
    *found, message = said("SLOMet", MeasuredSlo(Reason.SIGNALS_FRESH, "", attained))
    assert tuple(found) == expected
    assert message == f"the share of requests within the SLO is {words} its target (target 95 %)"


def test_a_bound_between_two_buckets_is_named_beside_the_verdict() -> None:
    measured = MeasuredSlo(Reason.SIGNALS_FRESH, "", 99.0, bound_message="ttft 2000 ms lies between the buckets 1 and 2.5 s")
    assert said("SLOMet", measured)[2].endswith("(target 95 %); ttft 2000 ms lies between the buckets 1 and 2.5 s")


def test_without_requests_nobody_can_say_whether_an_slo_is_met() -> None:
    measured = MeasuredSlo(Reason.NO_TRAFFIC, "no request in 300 s")
    assert said("SLOMet", measured) == ("Unknown", "NoTraffic", "no request in 300 s")


@pytest.mark.parametrize(
    ("reason", "fresh"),
    [
        (Reason.SIGNALS_FRESH, "True"),
        (Reason.NO_TRAFFIC, "True"),
        (Reason.SIGNALS_STALE, "False"),
        (Reason.SIGNALS_MISSING, "False"),
        (Reason.PROMETHEUS_UNAVAILABLE, "False"),
    ],
)
def test_signals_are_fresh_when_they_can_be_trusted(reason: Reason, fresh: str) -> None:
    assert said("SignalsFresh", MeasuredSlo(reason, "in words")) == (fresh, reason, "in words")


def test_what_has_neither_slo_nor_scaling_is_told_that_nothing_is_measured() -> None:
    measured = MeasuredSlo(Reason.SIGNALS_MISSING, "no samples")
    assert said("SignalsFresh", measured, slo=None)[:2] == ("Unknown", "NoSLO")
    assert said("SLOMet", measured, slo=None)[:2] == ("Unknown", "NoSLO")


def test_the_first_figures_are_written_without_those_that_are_not_known() -> None:
    found = status(MeasuredSlo(Reason.SIGNALS_FRESH, "", 97.56, ttft_milliseconds=800, observed_seconds=120))["slo"]
    assert found == {"attainmentPercent": "97.5", "ttftMilliseconds": 800, "observedSeconds": 120}


def test_figures_stay_when_nothing_is_measured_any_more() -> None:
    assert status(MeasuredSlo(Reason.SIGNALS_STALE, "old"), status={"slo": STORED})["slo"] == STORED


@pytest.mark.parametrize(("attained", "ttft", "tpot"), [(97.5, 800, 40), (98.4, 880, 44), (96.6, 720, 36)])
def test_a_change_that_tells_nothing_new_is_not_written(attained: float, ttft: int, tpot: int) -> None:
    assert figures(attained, ttft, tpot) == STORED


@pytest.mark.parametrize(
    ("attained", "ttft", "tpot"), [(98.5, 800, 40), (96.5, 800, 40), (97.5, 881, 40), (97.5, 800, 45), (97.5, None, 40)]
)
def test_a_change_that_is_news_is_written_with_everything_beside_it(attained: float, ttft: int | None, tpot: int) -> None:
    found = figures(attained, ttft, tpot)
    assert found["attainmentPercent"] == f"{attained:.1f}"
    assert (found.get("ttftMilliseconds"), found["tpotMilliseconds"], found["observedSeconds"]) == (ttft, tpot, 600)


def test_what_is_not_measured_on_either_side_is_no_change() -> None:
    stored = {key: value for key, value in STORED.items() if key != "tpotMilliseconds"}
    measured = MeasuredSlo(Reason.SIGNALS_FRESH, "", 97.5, 800, None, 600)
    assert status(measured, status={"slo": stored})["slo"] == stored


def test_a_stored_figure_that_is_no_number_is_replaced() -> None:
    assert figures(97.5, attainmentPercent="n/a")["attainmentPercent"] == "97.5"


def test_figures_are_rewritten_when_the_verdict_flips() -> None:
    for before, now in (("95.2", 94.9), ("94.8", 95.0)):
        assert figures(now, attainmentPercent=before)["attainmentPercent"] == f"{now:.1f}"


def test_a_share_just_below_its_target_does_not_read_as_the_target() -> None:
    assert figures(94.96, attainmentPercent="90.0")["attainmentPercent"] == "94.9"
    assert figures(64.1, attainmentPercent="90.0")["attainmentPercent"] == "64.1"


def test_figures_go_when_the_slo_is_removed_and_stay_while_the_spec_cannot_be_read() -> None:
    assert "slo" not in status(MeasuredSlo(Reason.SIGNALS_FRESH, "", 99.0), slo=None, status={"slo": STORED})
    assert status(MeasuredSlo(Reason.SIGNALS_FRESH, "", 99.0), spec=None, error="junk", status={"slo": STORED})["slo"] == STORED


@given(before=st.floats(0, 100), now=st.floats(0, 100), target=st.integers(1, 100))
def test_the_figures_never_contradict_the_verdict(before: float, now: float, target: int) -> None:
    slo = SLO | {"percentile": target}
    first = status(MeasuredSlo(Reason.SIGNALS_FRESH, "", before), slo=slo)
    second = status(MeasuredSlo(Reason.SIGNALS_FRESH, "", now), slo=slo, status=first)
    for made in (first, second):
        met = next(item["status"] for item in made["conditions"] if item["type"] == "SLOMet")
        assert (float(made["slo"]["attainmentPercent"]) >= target) == (met == "True")

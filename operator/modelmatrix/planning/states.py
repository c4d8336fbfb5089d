"""The state of a deployment as conditions: what is true, why, and what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api.reasons import Reason, reason_of
from modelmatrix.planning.attainment import is_met
from modelmatrix.planning.caveats import caveats
from modelmatrix.planning.conditions import (
    FALSE,
    PLACED,
    RECONCILING,
    SIGNALS_FRESH,
    SLO_MET,
    STALLED,
    TRUE,
    UNKNOWN,
    State,
    stored,
)
from modelmatrix.planning.outlook import Outlook
from modelmatrix.planning.readiness import ready_state
from modelmatrix.planning.shortages import displaced_message, missing_message, refused_message
from modelmatrix.planning.snapshot import Measured, Snapshot
from modelmatrix.planning.takers import still_displaced_message

_GOOD_SIGNALS = (Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC)


def condition_states(outlook: Outlook, snapshot: Snapshot) -> list[State]:
    """All conditions, without their times."""
    placed = _placed(outlook)
    ready = ready_state(outlook, placed, snapshot)
    measured = snapshot.measured.get(outlook.member.key)
    fresh = _signals_fresh(outlook, measured, has_gateway=snapshot.settings.gateway_metric)
    return [ready, placed, _slo_met(outlook, measured), fresh, *_progress(outlook, ready)]


def _placed(outlook: Outlook) -> State:
    member = outlook.member
    if member.wanted is None:
        return State(PLACED, FALSE, Reason.MISCONFIGURED, member.error)
    if outlook.desired == 0:
        return State(PLACED, TRUE, member.wanted.reason, member.wanted.message)
    if not member.case.fitting:
        return _refused(outlook)
    return _short(outlook) or _all_placed(outlook)


def _short(outlook: Outlook) -> State | None:
    if not outlook.assignment.shortage:
        return None
    if outlook.assignment.displaced_by:
        return State(PLACED, FALSE, Reason.DISPLACED, displaced_message(outlook))
    before = _as_before(outlook, PLACED)
    if outlook.assignment.refused:
        words = before.message if before.reason is Reason.UNSCHEDULABLE else refused_message(outlook)
        return State(PLACED, FALSE, Reason.UNSCHEDULABLE, words)
    still = still_displaced_message(outlook, before.message) if before.reason is Reason.DISPLACED else None
    if still is not None:
        return State(PLACED, FALSE, Reason.DISPLACED, still)
    return State(PLACED, FALSE, Reason.INSUFFICIENT_DEVICES, missing_message(outlook))


def _all_placed(outlook: Outlook) -> State:
    where = (f"{p.desired} on {p.option.pool} as {p.option.answer.message}" for p in outlook.placed if p.desired)
    return State(PLACED, TRUE, Reason.PLACED, "; ".join([*where, *(caveat.message for caveat in caveats(outlook))]))


def _refused(outlook: Outlook) -> State:
    """No pool can run it: the reason of the preferred one, the words of all."""
    options = outlook.member.case.options
    words = ". ".join(f"{option.pool}: {option.answer.message}" for option in options[:3])
    return State(PLACED, FALSE, options[0].answer.reason, words)


def _slo_met(outlook: Outlook, measured: Measured | None) -> State:
    spec = outlook.member.case.spec
    if spec is None or spec.slo is None:
        return State(SLO_MET, UNKNOWN, Reason.NO_SLO, "spec.slo is not set")
    if measured is None:
        return _as_before(outlook, SLO_MET)
    if measured.attainment_percent is None:
        return State(SLO_MET, UNKNOWN, measured.reason, measured.message)
    met = is_met(spec.slo, measured.attainment_percent)
    reason = Reason.SLO_MET if met else Reason.SLO_MISSED
    target = f"target {spec.slo.percentile} %"
    bound = f"; {measured.bound_message}" if measured.bound_message else ""
    words = "at or above its target" if met else "below its target"
    return State(SLO_MET, TRUE if met else FALSE, reason, f"the share of requests within the SLO is {words} ({target}){bound}")


def _signals_fresh(outlook: Outlook, measured: Measured | None, *, has_gateway: bool) -> State:
    if outlook.desired == 0 and outlook.member.wanted is not None:
        return _asleep(outlook, measured, has_gateway=has_gateway)
    spec = outlook.member.case.spec
    if spec is not None and spec.slo is None and spec.scaling is None:
        return State(SIGNALS_FRESH, UNKNOWN, Reason.NO_SLO, "neither slo nor scaling is set: nothing is measured")
    if measured is None:
        return _as_before(outlook, SIGNALS_FRESH)
    fresh = measured.reason in _GOOD_SIGNALS
    return State(SIGNALS_FRESH, TRUE if fresh else FALSE, measured.reason, measured.message)


def _asleep(outlook: Outlook, measured: Measured | None, *, has_gateway: bool) -> State:
    """Without replicas there is no engine to ask: a schedule or a gateway must wake it."""
    spec = outlook.member.case.spec
    scaling = None if spec is None or spec.suspend else spec.scaling
    if scaling is None:
        return State(SIGNALS_FRESH, TRUE, Reason.SCALED_TO_ZERO, "no replica, no signals")
    if not has_gateway and not any(window.min_replicas for window in scaling.schedule):
        words = (
            "nothing wakes it: set minReplicas to 1, add a schedule window with a floor, or set the operator's gateway-query"
        )
        return State(SIGNALS_FRESH, FALSE, Reason.NO_WAKE_SIGNAL, words)
    if has_gateway and measured is not None and measured.reason is Reason.PROMETHEUS_UNAVAILABLE:
        return State(SIGNALS_FRESH, FALSE, measured.reason, f"the gateway's requests are not known: {measured.message}")
    return State(SIGNALS_FRESH, TRUE, Reason.SCALED_TO_ZERO, "no replica, no signals")


def _as_before(outlook: Outlook, type_: str) -> State:
    """What was last said: an operator that has just started knows nothing better."""
    before = stored(outlook.member.case.view.status, type_)
    reason = reason_of(before["reason"]) if before else None
    if before is None or reason is None:
        return State(type_, UNKNOWN, Reason.SIGNALS_MISSING, "nothing was measured yet")
    return State(type_, before["status"], reason, before["message"])


def _progress(outlook: Outlook, ready: State) -> Iterator[State]:
    """kstatus: Stalled when nothing but an edit helps, Reconciling while time or devices may help."""
    if ready.status == TRUE:
        return
    waits_for_devices = bool(outlook.member.case.fitting) and outlook.member.wanted is not None
    if outlook.failure is not None and outlook.failure.reason is Reason.NAME_CONFLICT:
        waits_for_devices = False
    kind = RECONCILING if waits_for_devices else STALLED
    yield State(kind, TRUE, ready.reason, ready.message)

"""The table of condition types, and conditions in the form that kstatus, ``kubectl wait`` and people understand. Pure.

A condition type belongs to a kind. The table below says what ``True`` means, whether a change is recorded as an event, and
whether ``kubectl matrix why`` shows the condition; status, events, CRDs, the command line and the documentation read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from modelmatrix.api.names import ACCELERATOR_POOLS, MODEL_DEPLOYMENTS, TENANT_POLICIES, Kind
from modelmatrix.api.reasons import Reason

READY = "Ready"
PLACED = "Placed"
SLO_MET = "SLOMet"
SIGNALS_FRESH = "SignalsFresh"
WITHIN_POLICY = "WithinPolicy"
RECONCILING = "Reconciling"
STALLED = "Stalled"
HELD = "Held"
POD_SECURITY_RELAXED = "PodSecurityRelaxed"

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"

MESSAGE_MAX_LENGTH = 1024


class ConditionInfo(NamedTuple):
    """A condition type of a kind.

    ``meaning`` says what ``True`` means, ``chinese`` names the type. ``event_action`` is the action of the event that records
    a changed status or reason; a type without one records none.
    """

    kind: Kind
    type: str
    meaning: str
    chinese: str
    event_action: str | None = None
    shown_by_why: bool = False


TABLE = (
    ConditionInfo(
        MODEL_DEPLOYMENTS,
        READY,
        "As many replicas as desired serve what the spec says now.",
        "就绪",
        event_action="Serve",
        shown_by_why=True,
    ),
    ConditionInfo(
        MODEL_DEPLOYMENTS, PLACED, "Every desired replica has devices.", "已放置", event_action="Place", shown_by_why=True
    ),
    ConditionInfo(
        MODEL_DEPLOYMENTS,
        SLO_MET,
        "The share of requests within the SLO is at or above its target.",
        "达到服务目标",
        event_action="Measure",
    ),
    ConditionInfo(MODEL_DEPLOYMENTS, SIGNALS_FRESH, "Metrics describe the traffic of now.", "指标正常", event_action="Measure"),
    ConditionInfo(
        MODEL_DEPLOYMENTS,
        WITHIN_POLICY,
        "What the spec says is what its namespace may use. Shown only while it is not.",
        "符合租户策略",
        event_action="Govern",
        shown_by_why=True,
    ),
    ConditionInfo(MODEL_DEPLOYMENTS, RECONCILING, "The deployment is not ready yet; time or free devices may help.", "调谐中"),
    ConditionInfo(
        MODEL_DEPLOYMENTS, STALLED, "The deployment is not ready until a person edits or installs something.", "停滞"
    ),
    ConditionInfo(
        MODEL_DEPLOYMENTS,
        HELD,
        "Changes of the deployment's pods wait: for their turn, for a correction, or for the end of a pause.",
        "变更暂缓",
        event_action="Hold",
        shown_by_why=True,
    ),
    ConditionInfo(
        ACCELERATOR_POOLS,
        READY,
        "The nodes' resource agrees with the chip, and so do the vendor's labels of chip and memory where there are any.",
        "就绪",
        event_action="Check",
    ),
    ConditionInfo(
        ACCELERATOR_POOLS,
        POD_SECURITY_RELAXED,
        "Pods of the pool use the host's network or paths and leave Pod Security restricted.",
        "Pod 安全级别放宽",
    ),
    ConditionInfo(
        TENANT_POLICIES,
        READY,
        "The policy agrees with the others and with the pools, and its namespaces are within its limits.",
        "就绪",
        event_action="Check",
    ),
)


def condition_types(kind: Kind) -> tuple[str, ...]:
    """The types of a kind, in the order of the table."""
    return tuple(info.type for info in TABLE if info.kind == kind)


def event_actions(kind: Kind) -> dict[str, str]:
    """The actions of events by condition type, for the types of a kind that record any."""
    return {info.type: info.event_action for info in TABLE if info.kind == kind and info.event_action is not None}


def types_shown_by_why() -> tuple[str, ...]:
    """The types of a ModelDeployment that ``kubectl matrix why`` shows, in the order of the table."""
    return tuple(info.type for info in TABLE if info.kind == MODEL_DEPLOYMENTS and info.shown_by_why)


@dataclass(frozen=True, slots=True)
class ConditionState:
    """One condition without its times; ``type`` is one of the table."""

    type: str
    status: str
    reason: Reason
    message: str


def find_condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The condition of a type in a status; ``None`` when the status does not have it."""
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions", ())
    return next((condition for condition in conditions if condition.get("type") == type_), None)


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, without fractions."""
    return _format_second(int(seconds))


@lru_cache(maxsize=256)  # a plan writes the same time into every new condition
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> float:
    """An RFC 3339 time in seconds since the epoch; 0 for a text that is not a time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def truncate_message(message: str) -> str:
    """The message, cut to 1024 characters, which every message field of the API holds."""
    return message if len(message) <= MESSAGE_MAX_LENGTH else f"{message[: MESSAGE_MAX_LENGTH - 3]}..."


def render_conditions(
    states: Iterable[ConditionState], previous: Iterable[Mapping[str, Any]], *, generation: int, now_seconds: float
) -> list[dict[str, Any]]:
    """Conditions with their times: a transition time moves only when the status changes."""
    before = {condition.get("type"): condition for condition in previous}
    return [_rendered(state, before.get(state.type, {}), generation, now_seconds) for state in states]


def _rendered(state: ConditionState, old: Mapping[str, Any], generation: int, now_seconds: float) -> dict[str, Any]:
    same = old.get("status") == state.status and "lastTransitionTime" in old
    return {
        "type": state.type,
        "status": state.status,
        "reason": str(state.reason),
        "message": truncate_message(state.message),
        "lastTransitionTime": old["lastTransitionTime"] if same else timestamp(now_seconds),
        "observedGeneration": generation,
    }

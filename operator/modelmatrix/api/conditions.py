"""Conditions of a ModelDeployment, in the form that kstatus, ``kubectl wait`` and people understand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from modelmatrix.api.reasons import Reason

READY = "Ready"
PLACED = "Placed"
SLO_MET = "SLOMet"
SIGNALS_FRESH = "SignalsFresh"
RECONCILING = "Reconciling"
STALLED = "Stalled"

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"

MESSAGE_MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class ConditionState:
    """One condition without its times."""

    type: str
    status: str
    reason: Reason
    message: str


def find_condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """A condition as a status has it; ``None`` when it has none of that type."""
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions", ())
    return next((condition for condition in conditions if condition.get("type") == type_), None)


def timestamp(seconds: float) -> str:
    """A time as Kubernetes writes it."""
    return _written(int(seconds))


@lru_cache(maxsize=256)  # a plan writes one time into every condition that is new
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> float:
    """A time that Kubernetes wrote, in seconds since the epoch; 0 for what is no time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def truncate_message(message: str) -> str:
    """A message that fits its field."""
    return message if len(message) <= MESSAGE_MAX_LENGTH else f"{message[: MESSAGE_MAX_LENGTH - 3]}..."


def render_conditions(
    states: Iterable[ConditionState], previous: Iterable[Mapping[str, Any]], *, generation: int, now_seconds: float
) -> list[dict[str, Any]]:
    """Conditions with their times: a transition time moves only when the status changes."""
    before = {condition.get("type"): condition for condition in previous}
    return [_rendered(state, before.get(state.type, {}), generation, now_seconds) for state in states]


def _rendered(state: ConditionState, old: Mapping[str, Any], generation: int, now_seconds: float) -> dict[str, Any]:
    """One condition; it keeps its time while its status does."""
    same = old.get("status") == state.status and "lastTransitionTime" in old
    return {
        "type": state.type,
        "status": state.status,
        "reason": str(state.reason),
        "message": truncate_message(state.message),
        "lastTransitionTime": old["lastTransitionTime"] if same else timestamp(now_seconds),
        "observedGeneration": generation,
    }

"""What came of a run: by deployment and hour, so that parts of it can be scored and drawn again. Data only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Requests that arrived in an hour and those of them that met the SLO; devices held, in hours, by pool."""

    requests: float
    met: float
    device_hours: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One deployment: its hours, and how often its number of replicas was changed or its direction turned."""

    deployment: str
    hours: tuple[Hour, ...]
    changes: int
    reversals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All deployments at a second: requests per second since the moment before, replicas that serve, devices held."""

    second: int
    rate: float
    ready: int
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run from its beginning to its end."""

    seconds: int
    served: tuple[Served, ...]
    moments: tuple[Moment, ...]

    def to_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def outcome_of(document: dict[str, Any]) -> Outcome:
    """The outcome that a document tells of."""
    served = tuple(Served(**{**one, "hours": tuple(Hour(**hour) for hour in one["hours"])}) for one in document["served"])
    return Outcome(
        seconds=document["seconds"],
        served=served,
        moments=tuple(Moment(**moment) for moment in document["moments"]),
    )

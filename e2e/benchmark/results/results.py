"""The outcome of a run by deployment and hour, so that parts of it can be scored and resampled. Data only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Requests that arrived in an hour, those of them that met the SLO, and device-hours by pool."""

    requests: float
    met: float
    device_hours: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentResult:
    """One deployment: its hours, the changes of its number of replicas, and the reversals of their direction."""

    deployment: str
    hours: tuple[Hour, ...]
    changes: int
    reversals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePoint:
    """All deployments at a second: requests per second since the last time point, ready replicas, devices held."""

    second: int
    rate: float
    ready: int
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a whole run of ``seconds``."""

    seconds: int
    served: tuple[DeploymentResult, ...]
    moments: tuple[TimePoint, ...]

    def to_document(self) -> dict[str, Any]:
        """The outcome as a JSON document."""
        return asdict(self)


def parse_outcome(document: dict[str, Any]) -> Outcome:
    """The outcome in a JSON document of ``to_document``."""
    served = tuple(
        DeploymentResult(**{**entry, "hours": tuple(Hour(**hour) for hour in entry["hours"])}) for entry in document["served"]
    )
    return Outcome(
        seconds=document["seconds"],
        served=served,
        moments=tuple(TimePoint(**moment) for moment in document["moments"]),
    )

"""The schedule file: which traffic each deployment gets, and what goes wrong with its engines. Read again when it changes.

Traffic begins at the moment at which it is first read (``start_second`` later, if given). Times are model seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from modelmatrix.performance.engine_timing import SloBounds

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from engines.cluster.pods import PodView

# What a file that is not there looks like: its absence, too, is said only once.
_ABSENT = (-1, -1)

Name = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]


class MetricsFault(StrEnum):
    """What is wrong with a metrics page."""

    ERROR = "error"
    HANG = "hang"
    NAN = "nan"


class ReadinessFault(StrEnum):
    """What is wrong with readiness."""

    NEVER = "never"
    LOST = "lost"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SloEntry(_Entry):
    """Bounds that ``/state`` judges requests by."""

    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None

    @property
    def bounds(self) -> SloBounds:
        """The same as the simulator wants it."""
        return SloBounds(ttft_seconds=self.ttft_seconds, tpot_seconds=self.tpot_seconds, e2e_seconds=self.e2e_seconds)


class TrafficEntry(_Entry):
    """Traffic of a deployment: a part of a trace, or a constant rate with random arrivals.

    ``trace`` is relative to the schedule file. Lengths are for rates and for traces that only count requests. A client
    gives up when it has waited ``timeout_seconds`` for a ready replica.
    """

    trace: str | None = None
    offset_seconds: float = Field(0.0, ge=0)
    rate_factor: float = Field(1.0, ge=0)
    rate_per_second: float | None = Field(None, ge=0)
    input_tokens: int = Field(1155, ge=1)
    output_tokens: int = Field(211, ge=0)
    start_second: float = Field(0.0, ge=0)
    timeout_seconds: float = Field(300.0, gt=0)
    slo: SloEntry = SloEntry()

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.trace is None) == (self.rate_per_second is None):
            raise ValueError("give either trace or rate_per_second")
        return self


class FaultEntry(_Entry):
    """A fault of one pod or of all pods of a deployment."""

    pod: Name | None = None
    deployment: Name | None = None
    metrics: MetricsFault | None = None
    readiness: ReadinessFault | None = None
    alpha_factor: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if (self.pod is None) == (self.deployment is None):
            raise ValueError("give either pod or deployment")
        return self

    def concerns(self, pod: PodView) -> bool:
        """Whether a pod has this fault."""
        return str(pod.key) == self.pod or pod.owner == self.deployment


class Schedule(_Entry):
    """A schedule file."""

    deployments: dict[Name, TrafficEntry] = {}
    faults: list[FaultEntry] = []

    def fault_of(self, pod: PodView) -> FaultEntry:
        """All faults of a pod as one; the first that says something wins."""
        found = [fault for fault in self.faults if fault.concerns(pod)]
        return FaultEntry(
            pod="all/faults",
            metrics=next((fault.metrics for fault in found if fault.metrics), None),
            readiness=next((fault.readiness for fault in found if fault.readiness), None),
            alpha_factor=next((fault.alpha_factor for fault in found if fault.alpha_factor != 1.0), 1.0),
        )


class ScheduleError(ValueError):
    """A schedule file that cannot be used: which one and why."""


class ScheduleFile:
    """A schedule file that is watched."""

    __slots__ = ("_path", "_seen")

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def read_if_changed(self) -> Schedule | None:
        """The schedule when it is new or has changed since the last call, else None.

        Raises:
            ScheduleError: it cannot be read; it is not looked at again before it changes.
        """
        if self._path is None:
            return None
        state = self._state(self._path)
        if state == self._seen:
            return None
        self._seen = state
        try:
            return Schedule.model_validate(yaml.safe_load(self._path.read_text(encoding="utf-8")) or {})
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise ScheduleError(f"{self._path} cannot be used as a schedule: {error}") from error

    @staticmethod
    def _state(path: Path) -> tuple[int, int]:
        try:
            status = path.stat()
        except OSError:
            return _ABSENT
        return status.st_mtime_ns, status.st_size

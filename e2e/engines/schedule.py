"""The schedule file: the traffic of each deployment and the faults of its engines. It is read again when it changes.

Traffic begins when its entry is first read, or ``start_second`` later. Times are model seconds.
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

# The state of a missing file: its absence is reported once, too.
_ABSENT = (-1, -1)

Name = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]


class MetricsFault(StrEnum):
    """The fault of a metrics page: status 500, no response, or NaN gauges and sums."""

    ERROR = "error"
    HANG = "hang"
    NAN = "nan"


class ReadinessFault(StrEnum):
    """The fault of readiness: the engine never becomes ready, or loses its readiness."""

    NEVER = "never"
    LOST = "lost"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SloEntry(_Entry):
    """The SLO for the counts of ``/state``."""

    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None

    @property
    def bounds(self) -> SloBounds:
        """The bounds in the simulator's type."""
        return SloBounds(ttft_seconds=self.ttft_seconds, tpot_seconds=self.tpot_seconds, e2e_seconds=self.e2e_seconds)


class TrafficEntry(_Entry):
    """The traffic of a deployment: a part of a trace, or random arrivals at a constant rate.

    ``trace`` is relative to the schedule file. Token lengths apply to rates and to traces that only count requests. A client
    gives up after it has waited ``timeout_seconds`` for a ready replica.
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

    def applies_to(self, pod: PodView) -> bool:
        """Whether a pod has this fault."""
        return str(pod.key) == self.pod or pod.owner == self.deployment


class Schedule(_Entry):
    """A schedule file."""

    deployments: dict[Name, TrafficEntry] = {}
    faults: list[FaultEntry] = []

    def fault_of(self, pod: PodView) -> FaultEntry:
        """All faults of a pod merged; of several values for a field the first applies."""
        faults = [fault for fault in self.faults if fault.applies_to(pod)]
        return FaultEntry(
            pod="all/faults",
            metrics=next((fault.metrics for fault in faults if fault.metrics), None),
            readiness=next((fault.readiness for fault in faults if fault.readiness), None),
            alpha_factor=next((fault.alpha_factor for fault in faults if fault.alpha_factor != 1.0), 1.0),
        )


class ScheduleError(ValueError):
    """A schedule file that cannot be used; the text names the file and the cause."""


class ScheduleFile:
    """A schedule file, read when its modification time or size changes."""

    __slots__ = ("_last_read", "_path")

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last_read: tuple[int, int] | None = None

    def read_if_changed(self) -> Schedule | None:
        """The schedule when it is new or has changed since the last call, else None.

        Raises:
            ScheduleError: the file cannot be read; it is not read again before it changes.
        """
        if self._path is None:
            return None
        state = self._state(self._path)
        if state == self._last_read:
            return None
        self._last_read = state
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

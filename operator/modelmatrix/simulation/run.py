"""The simulation loop: runs one policy through one trace and returns what it achieved.

Time passes in ticks. At a tick that is due, the scraper takes the engines' samples, the policy gets an observation and its
numbers become the desired replicas, and a row of the result is written; then the environment advances by one tick. After
the last arrival the loop only waits for the requests that are left. How a policy decides and how an environment serves is
unknown here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.scraper import Scraper

if TYPE_CHECKING:
    from modelmatrix.simulation.cluster.environment import Environment
    from modelmatrix.simulation.cluster.policy import Policy
    from modelmatrix.simulation.cluster.replica_set import SimulatedReplicaSet

_HOUR_SECONDS = 3600.0
# Scrapes of a gateway within the scraper's default retention, at one scrape in 15 s.
_GATEWAY_SCRAPES = 61


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Intervals in model seconds, multiples of ``tick_seconds``; ``drain_seconds`` limits the wait after the last arrival."""

    tick_seconds: float = 5.0
    scrape_seconds: float = 15.0
    decide_seconds: float = 15.0
    row_seconds: float = 60.0
    drain_seconds: float = 3600.0
    has_gateway_metric: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The fleet at ``second``, and the requests that arrived from then to the next row."""

    second: float
    arrivals: int
    desired: int
    ready: int
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResult:
    """What a policy achieved. Hours and means are over the time of the trace; devices include starting and draining."""

    policy: str
    attainment_percent: float
    worst_hour_attainment_percent: float
    accelerator_hours: float
    mean_replicas: float
    peak_replicas: int
    changes: int
    requests: int
    series: tuple[Row, ...]

    def to_document(self) -> dict[str, Any]:
        """The result with the keys that ``kubectl matrix simulate -o json`` prints."""
        return {
            "kind": "Simulation",
            "policy": self.policy,
            "attainmentPercent": round(self.attainment_percent, 3),
            "acceleratorHours": round(self.accelerator_hours, 3),
            "meanReplicas": round(self.mean_replicas, 3),
            "peakReplicas": self.peak_replicas,
            "changes": self.changes,
            "worstHourAttainmentPercent": round(self.worst_hour_attainment_percent, 3),
            "series": [
                {
                    "second": row.second,
                    "arrivals": row.arrivals,
                    "desired": row.desired,
                    "ready": row.ready,
                    "devices": row.devices,
                }
                for row in self.series
            ],
        }


def simulate(
    policy: Policy, environment: Environment, options: RunOptions | None = None, *, scraper: Scraper | None = None
) -> SimulationResult:
    """Run a policy until the trace has ended and its requests are served (or ``drain_seconds`` have passed).

    Args:
        policy: decides every ``decide_seconds``, first at second 0.
        environment: arrivals and replicas; it may begin with warm replicas.
        options: intervals.
        scraper: the source of the policy's samples; it may have faults.
    """
    run = _Run(policy, environment, options or RunOptions(), scraper or Scraper())
    run.play()
    return run.result()


@dataclass(slots=True)
class _Run:
    policy: Policy
    environment: Environment
    options: RunOptions
    scraper: Scraper
    tick: int = 0
    changes: int = 0
    peak: int = 0
    gateway: list[tuple[float, float]] = field(default_factory=list)
    rows: list[tuple[float, Row]] = field(default_factory=list)
    device_seconds: float = 0.0
    replica_seconds: float = 0.0

    @property
    def second(self) -> float:
        return self.tick * self.options.tick_seconds

    def play(self) -> None:
        while not self.environment.is_exhausted or self.tick == 0:
            self._step()
        self.device_seconds = self.environment.replica_set.device_seconds(self.second)
        self.replica_seconds = self.environment.replica_set.replica_seconds(self.second)
        limit = self.second + self.options.drain_seconds
        ended = self.tick
        while self.environment.in_flight and self.second < limit:
            self._advance()
        self.environment.fail_in_flight()
        self.tick = ended

    def _step(self) -> None:
        if self._is_due(self.options.scrape_seconds):
            self.scraper.scrape(self.second, self.environment.samples())
            self.gateway.append((self.second, self.environment.arrivals))
            del self.gateway[:-_GATEWAY_SCRAPES]
        if self._is_due(self.options.decide_seconds):
            self._decide()
        if self._is_due(self.options.row_seconds):
            self._note()
        self._advance()

    def _is_due(self, interval_seconds: float) -> bool:
        return self.tick % max(1, round(interval_seconds / self.options.tick_seconds)) == 0

    def _advance(self) -> None:
        self.tick += 1
        self.environment.advance(self.second)
        self.peak = max(self.peak, len(self.environment.replica_set.replicas))

    def _decide(self) -> None:
        roster = self.environment.replica_set
        before = dict(roster.desired)
        self.environment.scale_to(self.policy.decide(self._observe(roster)))
        self.changes += roster.desired != before

    def _observe(self, roster: SimulatedReplicaSet) -> Observation:
        views = (
            ReplicaView(
                member.name,
                member.variant.name,
                member.phase,
                member.created_seconds,
                None if member.phase is Phase.STARTING else member.ready_seconds,
            )
            for member in roster.replicas.values()
        )
        return Observation(
            second=self.second,
            desired=dict(roster.desired),
            replicas=tuple(views),
            samples={name: tuple(samples) for name, samples in self.scraper.samples.items()},
            failing=self.scraper.failing,
            ended=self.scraper.ended,
            gateway_requests=tuple(self.gateway) if self.options.has_gateway_metric else (),
        )

    def _note(self) -> None:
        roster = self.environment.replica_set
        row = Row(self.second, 0, sum(roster.desired.values()), roster.count_in(Phase.READY), roster.devices)
        self.rows.append((self.environment.arrivals, row))

    def result(self) -> SimulationResult:
        tally, seconds = self.environment.slo_counter, self.second
        return SimulationResult(
            policy=self.policy.name,
            attainment_percent=tally.attainment_percent,
            worst_hour_attainment_percent=tally.worst_hour_attainment_percent,
            accelerator_hours=self.device_seconds / _HOUR_SECONDS,
            mean_replicas=self.replica_seconds / seconds if seconds else 0.0,
            peak_replicas=self.peak,
            changes=self.changes,
            requests=round(self.environment.arrivals),
            series=self._series(),
        )

    def _series(self) -> tuple[Row, ...]:
        """The rows with the arrivals from each to the next, which are known only at the next row."""
        ends = [*(arrivals for arrivals, _ in self.rows[1:]), self.environment.arrivals]
        return tuple(
            Row(row.second, round(end) - round(begin), row.desired, row.ready, row.devices)
            for (begin, row), end in zip(self.rows, ends, strict=True)
        )

"""Which replicas are measured, and why the others are not. Pure.

A number of pods proves nothing: those that are about to go would stand for those that nobody sees. So it is asked of each
replica that has served for a while, and the first thing that is wrong with any of them is told.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.signals.fleet_queries import COVERED_STEPS, LONG_SECONDS
from modelmatrix.signals.promql import FRESH_SECONDS

SETTLED_SECONDS = 60.0  # model time that a ready replica is given until it must be measured
NAMED_PODS = 3
# A scrape more or less at the edges of the past.
COVER_SLACK_SECONDS = 30.0

PodValues = Mapping[str, float]


class ReplicaTarget(NamedTuple):
    """A replica, by the pod that serves.

    ``age_seconds`` is the time since it was created, ``ready_seconds`` that since it is ready, ``None`` when it is not; both
    in model time.
    """

    pod: str
    uid: str
    pool: str
    engine: str
    dialect: MetricDialect
    age_seconds: float
    ready_seconds: float | None

    @property
    def is_settled(self) -> bool:
        """Whether it has served for so long that it must be measured."""
        return self.ready_seconds is not None and self.ready_seconds >= SETTLED_SECONDS


class ScrapeState(Enum):
    """How a replica appears in Prometheus."""

    MEASURED = auto()
    UNUSED = auto()
    SHORT = auto()
    STALE = auto()
    RENAMED = auto()
    DOWN = auto()
    UNKNOWN = auto()


_SEEN = (ScrapeState.MEASURED, ScrapeState.UNUSED, ScrapeState.SHORT)
_NOTHING: PodValues = {}


class ScrapeCoverage(NamedTuple):
    """How many replicas are ready and measured, the age of the oldest sample, and the first thing that is wrong, if any.

    ``unused`` are dialects whose replicas all show an empty page, because nobody has asked them anything yet. ``strangers``
    says that others are in the sums.
    """

    measured: int
    ready: int
    settled: int
    age_seconds: float | None = None
    problem: tuple[Reason, str] | None = None
    unused: frozenset[str] = frozenset()
    strangers: bool = False


def scrape_coverage(
    pods: Mapping[str, PodValues],
    leaders: Iterable[ReplicaTarget],
    draining: int,
    time_scale: float,
    formerly: Container[str] = (),
) -> ScrapeCoverage:
    """Compare the pods that Prometheus knows with the replicas that there are, ``draining`` ones not among them.

    ``formerly`` are pods that were replicas: their last samples prove nothing, and are nothing wrong.
    """
    measured = ready = settled = 0
    oldest = -1.0
    odd: list[tuple[ReplicaTarget, ScrapeState]] = []
    for leader in leaders:
        values = pods.get(leader.pod, _NOTHING)
        sight = _sight(leader, values, time_scale)
        if leader.ready_seconds is not None:
            ready += 1
            measured += sight in _SEEN
            if leader.ready_seconds >= SETTLED_SECONDS:
                settled += 1
                oldest = max(oldest, _age(leader, values) or -1.0)
        if sight is not ScrapeState.MEASURED:
            odd.append((leader, sight))
    strangers = _strangers(pods, leaders, draining, time_scale, formerly) if len(pods) > measured else None
    return ScrapeCoverage(
        measured=measured,
        ready=ready,
        settled=settled,
        age_seconds=oldest * time_scale if oldest >= 0 else None,
        problem=strangers or (_problem(odd, settled) if odd else None),
        unused=_unused(leaders, odd) if odd else frozenset(),
        strangers=strangers is not None,
    )


def _unused(leaders: Iterable[ReplicaTarget], odd: list[tuple[ReplicaTarget, ScrapeState]]) -> frozenset[str]:
    """Dialects all of whose replicas have an empty page."""
    empty = {leader.pod: leader.dialect.name for leader, sight in odd if sight is ScrapeState.UNUSED}
    used = {leader.dialect.name for leader in leaders if leader.pod not in empty}
    return frozenset(empty.values()) - used


def _age(leader: ReplicaTarget, values: PodValues) -> float | None:
    return values.get(f"{leader.dialect.name}/age")


def _sight(leader: ReplicaTarget, values: PodValues, time_scale: float) -> ScrapeState:
    age = _age(leader, values)
    if age is not None:
        if age * time_scale > FRESH_SECONDS:
            return ScrapeState.STALE
        return ScrapeState.SHORT if _is_short(leader, values) else ScrapeState.MEASURED
    if "up" not in values:
        return ScrapeState.UNKNOWN
    if not values["up"]:
        return ScrapeState.DOWN
    return ScrapeState.UNUSED if leader.dialect.empty_until_used and values.get("samples") == 0 else ScrapeState.RENAMED


def _is_short(leader: ReplicaTarget, values: PodValues) -> bool:
    """Whether Prometheus knows less of the past than there was of it."""
    past = min(LONG_SECONDS, leader.ready_seconds or 0.0)
    covered = values.get("covered", COVERED_STEPS) * LONG_SECONDS / COVERED_STEPS
    return covered < past - COVER_SLACK_SECONDS


def _strangers(
    pods: Mapping[str, PodValues], leaders: Iterable[ReplicaTarget], draining: int, time_scale: float, formerly: Container[str]
) -> tuple[Reason, str] | None:
    """Pods that say to be of this deployment and are none of its own: what they report cannot be taken out of the sums."""
    own, fresh = {leader.pod for leader in leaders}, FRESH_SECONDS / time_scale
    strangers = sorted(
        pod
        for pod, values in pods.items()
        if pod not in own
        and pod not in formerly
        and any(name.endswith("/age") and age <= fresh for name, age in values.items())
    )
    if len(strangers) <= draining:
        return None
    words = (
        f"Prometheus has samples of pods that are no replicas of this deployment ({_names(strangers)}): remove the label "
        "modelmatrix.io/deployment from them; those of replicas that are gone age within a minute"
    )
    return Reason.SIGNALS_MISSING, words


# Without figures that change from look to look: each of them would be a write of the status.
_WORDS = {
    ScrapeState.UNKNOWN: "are not scraped by Prometheus ({pods}): check the PodMonitor and the namespaces that Prometheus "
    "selects",
    ScrapeState.DOWN: "cannot be scraped ({pods}): see the error of the target in Prometheus",
    ScrapeState.RENAMED: "show no {metric} although their targets are up ({pods}): this image of {engine} names its metrics "
    "otherwise; use one that the catalogue knows, or have its names added",
    ScrapeState.STALE: "have no sample of the last minute ({pods}): check Prometheus and its targets",
    ScrapeState.SHORT: "are known to Prometheus for less than the last {long:.0f} s ({pods}): waiting for the rest",
}


def _problem(odd: list[tuple[ReplicaTarget, ScrapeState]], settled: int) -> tuple[Reason, str] | None:
    """The worst that is the matter with replicas that must be measured."""
    for sight, words in _WORDS.items():
        concerned = [leader for leader, found in odd if found is sight and leader.is_settled]
        if concerned:
            first = concerned[0]
            told = words.format(
                pods=_names([leader.pod for leader in concerned]),
                metric=first.dialect.metrics[Signal.WAITING][0],
                engine=first.engine,
                long=LONG_SECONDS,
            )
            reason = Reason.SIGNALS_STALE if sight is ScrapeState.STALE else Reason.SIGNALS_MISSING
            return reason, f"{len(concerned)} of {settled} ready replicas {told}"
    return None


def _names(pods: list[str]) -> str:
    shown = ", ".join(pods[:NAMED_PODS])
    return shown if len(pods) <= NAMED_PODS else f"{shown} and {len(pods) - NAMED_PODS} more"

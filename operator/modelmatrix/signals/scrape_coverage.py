"""Which replicas are measured, and why the others are not. Pure.

The replicas that exist, from the last plan, are compared one by one with the pods that Prometheus knows. Comparing numbers
would not do: a pod that is about to go would stand in for a replica that is not scraped.

A replica is measured when it has a fresh sample of its own dialect. If it has none, the labels of its target show why: the
target is down, unknown, or up with other metric names. A replica that has just become ready need not be measured yet; one
that is settled must be, and the worst problem of settled replicas becomes the reason and the message. Pods that carry the
deployment's label without being its replicas spoil every sum: their share cannot be taken out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.signals.fleet_queries import COPIES, COVERED_STEPS, LONG_SECONDS
from modelmatrix.signals.promql import FRESH_SECONDS

SETTLED_SECONDS = 60.0  # model time that a ready replica is given until it must be measured
NAMED_PODS = 3
# One scrape more or less at the edges of the window.
COVER_SLACK_SECONDS = 30.0

PodValues = Mapping[str, float]


class ReplicaTarget(NamedTuple):
    """A replica, by the pod that serves.

    ``age_seconds`` is the time since it was created, ``ready_seconds`` the time since it became ready, ``None`` while it is
    not; both in model time.
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
        """Whether it has been ready long enough that it must be measured."""
        return self.ready_seconds is not None and self.ready_seconds >= SETTLED_SECONDS


class ScrapeState(Enum):
    """How a replica appears in Prometheus.

    ``UNUSED``: its page is empty, as some engines' pages are before the first request. ``SHORT``: Prometheus knows only a part
    of the long window. ``RENAMED``: the target is up and lacks the metric that every replica shows.
    """

    MEASURED = auto()
    UNUSED = auto()
    SHORT = auto()
    STALE = auto()
    RENAMED = auto()
    DOWN = auto()
    UNKNOWN = auto()


_WITH_SAMPLES = (ScrapeState.MEASURED, ScrapeState.UNUSED, ScrapeState.SHORT)
_NOTHING: PodValues = {}


class ScrapeCoverage(NamedTuple):
    """How many replicas are ready, settled and measured, the age of the oldest sample, and the worst problem, if any.

    ``unused`` are dialects whose replicas all show an empty page, because no request has reached them. ``has_foreign_pods``:
    pods that are not replicas are in the sums. ``copies`` says that pages are scraped more than once; empty when none is.
    """

    measured: int
    ready: int
    settled: int
    age_seconds: float | None = None
    problem: tuple[Reason, str] | None = None
    unused: frozenset[str] = frozenset()
    has_foreign_pods: bool = False
    copies: str = ""


def scrape_coverage(
    pods: Mapping[str, PodValues],
    leaders: Iterable[ReplicaTarget],
    draining: int,
    time_scale: float,
    recent_pods: Container[str] = (),
) -> ScrapeCoverage:
    """Compare the pods that Prometheus knows with the replicas that exist; ``leaders`` do not include the ``draining`` ones.

    ``recent_pods`` were replicas: their last samples prove nothing, and are not a problem.
    """
    measured = ready = settled = 0
    oldest = -1.0
    unmeasured: list[tuple[ReplicaTarget, ScrapeState]] = []
    for leader in leaders:
        values = pods.get(leader.pod, _NOTHING)
        state = _state(leader, values, time_scale)
        if leader.ready_seconds is not None:
            ready += 1
            measured += state in _WITH_SAMPLES
            if leader.ready_seconds >= SETTLED_SECONDS:
                settled += 1
                oldest = max(oldest, _age(leader, values) or -1.0)
        if state is not ScrapeState.MEASURED:
            unmeasured.append((leader, state))
    foreign = _foreign_pods(pods, leaders, draining, time_scale, recent_pods) if len(pods) > measured else None
    return ScrapeCoverage(
        measured=measured,
        ready=ready,
        settled=settled,
        age_seconds=oldest * time_scale if oldest >= 0 else None,
        problem=foreign or (_problem(unmeasured, settled) if unmeasured else None),
        unused=_unused(leaders, unmeasured) if unmeasured else frozenset(),
        has_foreign_pods=foreign is not None,
        copies=_SCRAPED_TWICE if any(COPIES in values for values in pods.values()) else "",
    )


def _unused(leaders: Iterable[ReplicaTarget], unmeasured: list[tuple[ReplicaTarget, ScrapeState]]) -> frozenset[str]:
    """Dialects all of whose replicas have an empty page."""
    empty = {leader.pod: leader.dialect.name for leader, state in unmeasured if state is ScrapeState.UNUSED}
    used = {leader.dialect.name for leader in leaders if leader.pod not in empty}
    return frozenset(empty.values()) - used


def _age(leader: ReplicaTarget, values: PodValues) -> float | None:
    return values.get(f"{leader.dialect.name}/age")


def _state(leader: ReplicaTarget, values: PodValues, time_scale: float) -> ScrapeState:
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
    """Whether scrapes cover less of the long window than the replica has been ready in it."""
    past = min(LONG_SECONDS, leader.ready_seconds or 0.0)
    covered = values.get("covered", COVERED_STEPS) * LONG_SECONDS / COVERED_STEPS
    return covered < past - COVER_SLACK_SECONDS


def _foreign_pods(
    pods: Mapping[str, PodValues],
    leaders: Iterable[ReplicaTarget],
    draining: int,
    time_scale: float,
    recent_pods: Container[str],
) -> tuple[Reason, str] | None:
    """Pods with the label of this deployment that are not its replicas: their share cannot be taken out of the sums."""
    own, fresh = {leader.pod for leader in leaders}, FRESH_SECONDS / time_scale
    foreign = sorted(
        pod
        for pod, values in pods.items()
        if pod not in own
        and pod not in recent_pods
        and any(name.endswith("/age") and age <= fresh for name, age in values.items())
    )
    if len(foreign) <= draining:
        return None
    message = (
        f"Prometheus has samples of pods that are not replicas of this deployment ({_names(foreign)}): remove the label "
        "modelmatrix.io/deployment from them; samples of replicas that are gone age within a minute"
    )
    return Reason.SIGNALS_MISSING, message


_SCRAPED_TWICE = "pages are scraped more than once, and each series counts once: check for a second monitor or Prometheus"
# Without numbers that change from poll to poll: each change would be a write of the status.
_MESSAGES = {
    ScrapeState.UNKNOWN: "are not scraped by Prometheus ({pods}): check the PodMonitor and the namespaces that Prometheus "
    "selects",
    ScrapeState.DOWN: "cannot be scraped ({pods}): see the error of the target in Prometheus",
    ScrapeState.RENAMED: "show no {metric} although their targets are up ({pods}): this image of {engine} names its metrics "
    "otherwise; use one that the catalogue knows, or have its names added",
    ScrapeState.STALE: "have no sample of the last minute ({pods}): check Prometheus and its targets",
    ScrapeState.SHORT: "are known to Prometheus for less than the last {long:.0f} s ({pods}): waiting for the rest",
}


def _problem(unmeasured: list[tuple[ReplicaTarget, ScrapeState]], settled: int) -> tuple[Reason, str] | None:
    """The worst problem of replicas that must be measured."""
    for state, template in _MESSAGES.items():
        concerned = [leader for leader, its_state in unmeasured if its_state is state and leader.is_settled]
        if concerned:
            first = concerned[0]
            message = template.format(
                pods=_names([leader.pod for leader in concerned]),
                metric=first.dialect.metrics[Signal.WAITING][0],
                engine=first.engine,
                long=LONG_SECONDS,
            )
            reason = Reason.SIGNALS_STALE if state is ScrapeState.STALE else Reason.SIGNALS_MISSING
            return reason, f"{len(concerned)} of {settled} ready replicas {message}"
    return None


def _names(pods: list[str]) -> str:
    shown = ", ".join(pods[:NAMED_PODS])
    return shown if len(pods) <= NAMED_PODS else f"{shown} and {len(pods) - NAMED_PODS} more"

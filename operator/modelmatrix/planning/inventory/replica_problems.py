"""The problems of a workload's pods as one short list: each reason once, in an order that does not depend on the input's. Pure.

A pod that the kubelet refuses or evicts ends, and its controller makes another one; a loop of refusals leaves only pods that
have ended. They count until a replica of the workload becomes ready after them, and by their size only: a status that counted
each would be written with each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.views import Component, PodProblem, PodView

_STEPS = (100, 10, 1)


def replica_problems(members: Iterable[PodView], failed: Iterable[PodView]) -> tuple[PodProblem, ...]:
    """Problems of the pods that exist, the oldest pods' first, then why others have ended since the last one became ready."""
    existing = sorted(members, key=lambda pod: (pod.created_seconds, pod.uid))
    last_ready_seconds = max((pod.ready_seconds for pod in existing if pod.ready), default=0.0)
    ended = [pod for pod in failed if pod.ended_seconds >= last_ready_seconds]
    return (*_once(pod.problem for pod in existing if pod.problem), *_ended(ended))


def _once(problems: Iterable[PodProblem]) -> Iterable[PodProblem]:
    """One problem for each reason of each component: the first one's words, the earliest time."""
    found: dict[tuple[Reason, Component], PodProblem] = {}
    for problem in problems:
        first = found.setdefault((problem.reason, problem.component), problem)
        since_seconds = min(first.since_seconds, problem.since_seconds)
        found[problem.reason, problem.component] = replace(first, since_seconds=since_seconds)
    return found.values()


def _ended(pods: Sequence[PodView]) -> Iterable[PodProblem]:
    newest_first = sorted(pods, key=lambda pod: (pod.ended_seconds, pod.uid), reverse=True)
    for problem in _once(pod.problem for pod in newest_first if pod.problem):
        count = sum(1 for pod in pods if pod.problem and pod.problem.reason is problem.reason)
        yield replace(problem, message=f"{_how_many(count)}: {problem.message}")


def _how_many(count: int) -> str:
    least = next(step for step in _STEPS if step <= count)
    if count == 1:
        return "1 pod failed"
    return f"{'several' if least == 1 else f'more than {least}'} pods failed"

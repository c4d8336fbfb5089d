"""``make demo``: a bank's matrix comes to life, is refused what cannot run, and follows its traffic."""

from __future__ import annotations

import time
from collections.abc import Iterable

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Progress, on_standard_output
from playground import demo_output as story
from playground import lifecycle as bringup
from playground import traffic
from playground.live_status import Moment, look
from playground.nodes_and_pools import apply_as_user, populate
from playground.options import BANKS, REPOSITORY, Wishes
from playground.status_table import deployments_table, is_settled, refusal_words

EXAMPLES = REPOSITORY / "manifests" / "examples"
READY_TIMEOUT_SECONDS = 90.0
POLL_SECONDS = 0.5
LINE_SECONDS = 120.0  # of model time
HOLDABLE = 0.85  # of what the largest fleet holds: a peak beyond it shows nothing but a queue
AFTER_SECONDS = 360.0


def run(wishes: Wishes) -> None:
    """Play the demo. It leaves everything running.

    Raises:
        LocalClusterError: something did not start, or the matrix was not placed in time.
    """
    if wishes.options.fast_pods:
        raise LocalClusterError("the demo needs engines that take their time; run it without FAST_PODS")
    paper, progress = story.paper(), on_standard_output()
    target = traffic.find_target(wishes.bank_folder)
    cluster = bringup.up(wishes, progress)
    paper.heading(f"1. {target.bank.name}: kubectl apply -f manifests/banks/{wishes.bank}")
    paper.say(story.opening(target.bank.name, wishes.options.time_scale, bringup.model_seconds(cluster)))
    _apply_matrix(cluster, wishes, progress)
    paper.say(deployments_table(cluster, wishes.bank))
    paper.heading("2. What cannot run is refused, with the way out: kubectl apply -f manifests/examples/rejected")
    _show_refusals(cluster, paper)
    ramp = traffic.steepest_ramp(min(target.peak_per_second, HOLDABLE * traffic.held_per_second(cluster, target)))
    paper.heading(f"3. The morning ramp on {target.key}")
    paper.say(story.ramp_words(target, ramp))
    moments = _play(cluster, target, ramp, paper)
    paper.heading("4. What happened")
    for line in [*story.chart(moments, plain=paper.plain), story.totals(moments, target)]:
        paper.say(line)
    paper.heading("5. It keeps running: look around")
    for line in story.farewell(cluster, target):
        paper.say(line)


def _apply_matrix(cluster: Cluster, wishes: Wishes, progress: Progress) -> None:
    populate(cluster, wishes.bank_folder)  # a cluster that was up may have the nodes of another institution
    for name in ("namespaces.yaml", "pools.yaml", "deployments.yaml"):
        apply_as_user(cluster, BANKS / wishes.bank / name)
    with progress.step("models start") as step:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            settled, total = is_settled(cluster, wishes.bank)
            step.update(f"{settled} of {total}")
            if settled == total:
                return
            time.sleep(POLL_SECONDS)
    raise LocalClusterError(
        f"the matrix of '{wishes.bank}' is not ready after {READY_TIMEOUT_SECONDS:g} s",
        advice=f"Look at `kubectl get modeldeployments -A` and at {cluster.log('operator-0')}.",
    )


def _show_refusals(cluster: Cluster, paper: story.Paper) -> None:
    apply_as_user(cluster, EXAMPLES / "quickstart.yaml")
    for line in refusal_words(cluster, EXAMPLES / "rejected"):
        paper.say(line)


def _play(cluster: Cluster, target: traffic.Target, ramp: traffic.Ramp, paper: story.Paper) -> list[Moment]:
    """The ramp and what follows, told line by line."""
    traffic.start(cluster, target, ramp)
    paper.fitted(story.live_header())
    moments = [_now(cluster, target)]
    for is_after, second in _schedule(moments[0].second):
        if is_after:
            traffic.settle(cluster, target, ramp)
        time.sleep(max(0.0, (second - bringup.model_seconds(cluster)) / cluster.state.time_scale))
        moments.append(_now(cluster, target))
        paper.fitted(story.live_line(moments[-2], moments[-1], plain=paper.plain))
    return moments


def _schedule(start: float) -> Iterable[tuple[bool, float]]:
    """Model times to look at; whether the traffic changes before, which happens once."""
    ramp_steps = round(traffic.RAMP_SECONDS / LINE_SECONDS)
    for step in range(1, ramp_steps + round(AFTER_SECONDS / LINE_SECONDS) + 1):
        yield step == ramp_steps + 1, start + step * LINE_SECONDS


def _now(cluster: Cluster, target: traffic.Target) -> Moment:
    return look(cluster, target.key, lambda: bringup.model_seconds(cluster))

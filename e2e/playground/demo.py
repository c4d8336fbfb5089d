"""``make demo``: applies a bank's matrix, shows how the operator refuses manifests that cannot run, and scales with traffic."""

from __future__ import annotations

import time
from collections.abc import Iterable

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Progress, on_standard_output
from playground import demo_output as output
from playground import lifecycle, traffic
from playground.live_status import LiveStatus, read_live_status
from playground.nodes_and_pools import apply_as_user, populate
from playground.options import BANKS, REPOSITORY, PlaygroundOptions
from playground.status_table import deployments_table, is_settled, refusal_messages

EXAMPLES = REPOSITORY / "manifests" / "examples"
READY_TIMEOUT_SECONDS = 90.0
POLL_SECONDS = 0.5
LINE_SECONDS = 120.0  # model time
PEAK_SHARE_OF_CAPACITY = 0.85  # of the largest fleet's capacity: a higher peak shows only a growing queue
AFTER_SECONDS = 360.0


def run(options: PlaygroundOptions) -> None:
    """Run the demo. The cluster keeps running afterwards.

    Raises:
        LocalClusterError: a process did not start, or the matrix was not placed in time.
    """
    if options.cluster.fast_pods:
        raise LocalClusterError("the demo needs engines with realistic start-up times; run it without FAST_PODS")
    terminal, progress = output.standard_output(), on_standard_output()
    target = traffic.find_target(options.bank_folder)
    cluster = lifecycle.up(options, progress)
    terminal.heading(f"1. {target.bank.name}: kubectl apply -f manifests/banks/{options.bank}")
    terminal.line(output.introduction(target.bank.name, options.cluster.time_scale, lifecycle.model_seconds(cluster)))
    _apply_matrix(cluster, options, progress)
    terminal.line(deployments_table(cluster, options.bank))
    terminal.heading("2. Manifests that cannot run are refused with a remedy: kubectl apply -f manifests/examples/rejected")
    _show_refusals(cluster, terminal)
    ramp = traffic.steepest_ramp(
        min(target.peak_per_second, PEAK_SHARE_OF_CAPACITY * traffic.largest_fleet_capacity(cluster, target))
    )
    terminal.heading(f"3. The morning ramp on {target.key}")
    terminal.line(output.describe_ramp(target, ramp))
    moments = _send_traffic(cluster, target, ramp, terminal)
    terminal.heading("4. Summary")
    for line in [*output.chart(moments, plain=terminal.plain), output.totals(moments, target)]:
        terminal.line(line)
    terminal.heading("5. The cluster keeps running; next steps:")
    for line in output.next_steps(cluster, target):
        terminal.line(line)


def _apply_matrix(cluster: Cluster, options: PlaygroundOptions, progress: Progress) -> None:
    populate(cluster, options.bank_folder)  # a cluster that was already up may have the nodes of another institution
    for name in ("namespaces.yaml", "pools.yaml", "deployments.yaml"):
        apply_as_user(cluster, BANKS / options.bank / name)
    with progress.step("models start") as step:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            settled, total = is_settled(cluster, options.bank)
            step.update(f"{settled} of {total}")
            if settled == total:
                return
            time.sleep(POLL_SECONDS)
    raise LocalClusterError(
        f"the matrix of '{options.bank}' is not ready after {READY_TIMEOUT_SECONDS:g} s",
        advice=f"Check `kubectl get modeldeployments -A` and {cluster.log('operator-0')}.",
    )


def _show_refusals(cluster: Cluster, terminal: output.Terminal) -> None:
    apply_as_user(cluster, EXAMPLES / "quickstart.yaml")
    for line in refusal_messages(cluster, EXAMPLES / "rejected"):
        terminal.line(line)


def _send_traffic(cluster: Cluster, target: traffic.Target, ramp: traffic.Ramp, terminal: output.Terminal) -> list[LiveStatus]:
    """Send the ramp and the traffic after it, and print the status line by line."""
    traffic.start(cluster, target, ramp)
    terminal.truncated_line(output.live_header())
    moments = [_read_status(cluster, target)]
    for is_after, second in _schedule(moments[0].second):
        if is_after:
            traffic.settle(cluster, target, ramp)
        time.sleep(max(0.0, (second - lifecycle.model_seconds(cluster)) / cluster.state.time_scale))
        moments.append(_read_status(cluster, target))
        terminal.truncated_line(output.live_line(moments[-2], moments[-1], plain=terminal.plain))
    return moments


def _schedule(start: float) -> Iterable[tuple[bool, float]]:
    """The model times of the status lines, each with whether the traffic settles before it, which happens once."""
    ramp_steps = round(traffic.RAMP_SECONDS / LINE_SECONDS)
    for step in range(1, ramp_steps + round(AFTER_SECONDS / LINE_SECONDS) + 1):
        yield step == ramp_steps + 1, start + step * LINE_SECONDS


def _read_status(cluster: Cluster, target: traffic.Target) -> LiveStatus:
    return read_live_status(cluster, target.key, lambda: lifecycle.model_seconds(cluster))

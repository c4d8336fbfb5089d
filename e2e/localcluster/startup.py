"""Starts a cluster completely, or stops all of it after a failure. Tests and demos add their own steps as hooks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localcluster import boot, state
from localcluster.build.builder import build_missing
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.options import Options
from localcluster.processes.supervisor import Supervisor
from localcluster.progress import Progress, on_standard_output
from localcluster.shutdown import exclusive_lifecycle, remove_previous, stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from localcluster.state import State

Hook = Callable[[Cluster], None]


def up(
    options: Options,
    *,
    definitions: Sequence[Path] = (),
    hooks: Sequence[Hook] = (),
    progress: Progress | None = None,
) -> Cluster:
    """Build the missing programs, start all processes, and wait until they are ready.

    Args:
        options: the desired cluster.
        definitions: files or folders of CustomResourceDefinitions that exist before the garbage collector starts. It
            discovers later ones after up to 30 s, and until then deletes nothing that their objects own.
        hooks: called in order with the cluster once it is ready; if one fails, the cluster is stopped.
        progress: reports the steps; standard output if None.

    Returns:
        The cluster, also if it was up already (then no hook is called).

    Raises:
        LocalClusterError: a process did not start; the message names its log. No process is left running.
    """
    _require_linux()
    reporter = progress or on_standard_output()
    # Not under the lock: otherwise `down` would wait for the build, which takes minutes.
    programs = None if _running_state(options) else build_missing(reporter)
    with exclusive_lifecycle(options, reporter):
        if running := _running_state(options):
            return _resume(options, running, reporter)
        programs = programs or build_missing(reporter)
        remove_previous(options.folder)
        with _stopping_on_failure(options):
            boot.boot(options, programs, reporter, definitions=definitions)
            cluster = Cluster(options.folder)
            for hook in hooks:
                hook(cluster)
            Supervisor(options.folder).mark_complete()
        return cluster


def attach(name: str = "cluster") -> Cluster:
    """The handle of a cluster that another command has started.

    Raises:
        LocalClusterError: the cluster is down.
    """
    cluster = Cluster(Options(name=name).folder)
    _ = cluster.state  # raises if it is down
    return cluster


def _running_state(options: Options) -> State | None:
    """The state if the start was completed and at least one process runs; None after a crash of `up` or of the machine."""
    running = state.load(options.folder.state)
    if running is None or not running.is_complete:
        return None
    return running if any(record.is_running() for record in running.processes.values()) else None


def _require_linux() -> None:
    if sys.platform != "linux":
        raise LocalClusterError(
            "The local cluster runs on Linux only.",
            why="It identifies its processes by /proc.",
            advice="Use a Linux machine or virtual machine; the tests without a cluster run anywhere.",
        )


def _resume(options: Options, running: State, progress: Progress) -> Cluster:
    if (running.time_scale, running.fast_pods) != (options.time_scale, options.fast_pods):
        raise LocalClusterError(
            f"The cluster {options.name!r} is up with other settings.",
            why=f"It has TIME_SCALE={running.time_scale:g} and FAST_PODS={int(running.fast_pods)}.",
            advice="Take it down first (`make down`), use the same settings, or choose another name with CLUSTER.",
        )
    supervisor = Supervisor(options.folder)
    for name, record in running.processes.items():
        if not record.is_running():
            with progress.step(f"{name}, restarted"):
                supervisor.start_again(name)
                supervisor.wait_ready(name)
    progress.say(f"The cluster {options.name!r} is up already.")
    return Cluster(options.folder)


@contextmanager
def _stopping_on_failure(options: Options) -> Iterator[None]:
    try:
        yield
    except BaseException:  # an interrupt must stop the processes too
        stop(options.folder)
        raise

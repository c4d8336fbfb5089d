"""Brings a cluster up, or leaves nothing behind. Tests and demos add their own steps as hooks."""

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
from localcluster.shutdown import alone, clear, stop

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
    """Build what is missing, start everything, wait until it is ready.

    Args:
        options: which cluster, and how.
        definitions: files or folders of CustomResourceDefinitions that exist before the garbage collector starts. It
            also finds later ones, but up to 30 s later, and until then deletes nothing that their objects own.
        hooks: called in order with the cluster once it is ready; if one fails, everything is stopped.
        progress: where to tell; standard output if None.

    Returns:
        The cluster, also if it was up already (then no hook is called).

    Raises:
        LocalClusterError: something did not start; the message names its log. Nothing is left running.
    """
    _require_linux()
    told = progress or on_standard_output()
    # Not under the lock: `down` would wait for minutes.
    programs = None if _alive(options) else build_missing(told)
    with alone(options, told):
        if found := _alive(options):
            return _resume(options, found, told)
        programs = programs or build_missing(told)
        clear(options.folder)
        with _stopping_on_failure(options):
            boot.boot(options, programs, told, definitions=definitions)
            cluster = Cluster(options.folder)
            for hook in hooks:
                hook(cluster)
            Supervisor(options.folder).mark_complete()
        return cluster


def attach(name: str = "cluster") -> Cluster:
    """A handle to a cluster that another command brought up.

    Raises:
        LocalClusterError: it is down.
    """
    cluster = Cluster(Options(name=name).folder)
    _ = cluster.state  # raises if it is down
    return cluster


def _alive(options: Options) -> State | None:
    """The state if it came up whole and anything of it runs: not so after a crash of `up`, or of the machine."""
    found = state.load(options.folder.state)
    if found is None or not found.is_complete:
        return None
    return found if any(record.is_running() for record in found.processes.values()) else None


def _require_linux() -> None:
    if sys.platform != "linux":
        raise LocalClusterError(
            "The local cluster runs on Linux only.",
            why="It knows its processes by /proc.",
            advice="Use a Linux machine or virtual machine; the tests without a cluster run anywhere.",
        )


def _resume(options: Options, found: State, progress: Progress) -> Cluster:
    if (found.time_scale, found.fast_pods) != (options.time_scale, options.fast_pods):
        raise LocalClusterError(
            f"The cluster {options.name!r} is up with other settings.",
            why=f"It has TIME_SCALE={found.time_scale:g} and FAST_PODS={int(found.fast_pods)}.",
            advice="Take it down first (`make down`), use the same settings, or choose another name with CLUSTER.",
        )
    supervisor = Supervisor(options.folder)
    for name, record in found.processes.items():
        if not record.is_running():
            with progress.step(f"{name}, again"):
                supervisor.start_again(name)
                supervisor.wait_ready(name)
    progress.say(f"The cluster {options.name!r} is up already.")
    return Cluster(options.folder)


@contextmanager
def _stopping_on_failure(options: Options) -> Iterator[None]:
    try:
        yield
    except BaseException:  # an interrupt, too, must leave nothing behind
        stop(options.folder)
        raise

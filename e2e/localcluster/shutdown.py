"""Takes a cluster down: processes first, then what they stored. Logs stay for whoever asks what happened."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from localcluster.build.locks import exclusive
from localcluster.processes.supervisor import Supervisor
from localcluster.progress import Progress, on_standard_output

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from localcluster.options import Options
    from localcluster.paths import ClusterFolder


def down(options: Options, *, progress: Progress | None = None) -> bool:
    """Stop a cluster and remove its state. Fine to repeat, and after a crash.

    Args:
        options: which cluster.
        progress: where to tell that another command must end first; standard output if None.

    Returns:
        Whether there was anything to stop.
    """
    folder = options.folder
    if not folder.path.exists():
        return False
    with alone(options, progress or on_standard_output()):
        was_up = folder.state.exists()
        stop(folder)
    return was_up


def alone(options: Options, progress: Progress) -> AbstractContextManager[None]:
    """Nobody else takes this cluster up or down meanwhile."""
    waiting = f"Another command starts or stops the cluster {options.name!r}: waiting for it."
    return exclusive(options.folder.lifecycle_lock, on_wait=lambda: progress.say(waiting))


def stop(folder: ClusterFolder) -> None:
    """Stop every process and remove everything but logs; the caller holds the lifecycle lock."""
    Supervisor(folder).stop_all()
    for path in (folder.data, folder.pki, folder.config):
        shutil.rmtree(path, ignore_errors=True)
    for path in (folder.state, folder.kubeconfig, folder.reservation):
        path.unlink(missing_ok=True)


def clear(folder: ClusterFolder) -> None:
    """Remove what an earlier cluster of the same name left, logs included; nothing of it runs any more."""
    stop(folder)
    shutil.rmtree(folder.logs, ignore_errors=True)
    shutil.rmtree(folder.prometheus, ignore_errors=True)
    folder.audit_log.unlink(missing_ok=True)

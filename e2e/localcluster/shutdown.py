"""Takes a cluster down: first its processes, then their data. Logs remain."""

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
    """Stop a cluster and remove its state. Idempotent, also after a crash.

    Args:
        options: the cluster.
        progress: reports that another command must end first; standard output if None.

    Returns:
        Whether the cluster was up.
    """
    folder = options.folder
    if not folder.path.exists():
        return False
    with exclusive_lifecycle(options, progress or on_standard_output()):
        was_up = folder.state.exists()
        stop(folder)
    return was_up


def exclusive_lifecycle(options: Options, progress: Progress) -> AbstractContextManager[None]:
    """Hold the lifecycle lock: no other process starts or stops this cluster meanwhile."""
    waiting = f"Another command starts or stops the cluster {options.name!r}: waiting for it."
    return exclusive(options.folder.lifecycle_lock, on_wait=lambda: progress.say(waiting))


def stop(folder: ClusterFolder) -> None:
    """Stop every process and remove all files but logs; the caller must hold the lifecycle lock."""
    Supervisor(folder).stop_all()
    for path in (folder.data, folder.pki, folder.config):
        shutil.rmtree(path, ignore_errors=True)
    for path in (folder.state, folder.kubeconfig, folder.reservation):
        path.unlink(missing_ok=True)


def remove_previous(folder: ClusterFolder) -> None:
    """Stop an earlier cluster of the same name and remove all its files, including logs."""
    stop(folder)
    shutil.rmtree(folder.logs, ignore_errors=True)
    shutil.rmtree(folder.prometheus, ignore_errors=True)
    folder.audit_log.unlink(missing_ok=True)

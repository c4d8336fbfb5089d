"""The supervisor: starts, stops, kills and restarts the processes of a cluster, without a daemon.

There is no supervising process. Every command, test or demo that needs the cluster makes a supervisor of its folder:

1. The state file holds a record per process: its arguments, environment, ready URL, and the identity of the running
   instance (pid, start time, boot), which survives the reuse of pids.
2. A start spawns the program in its own session, so that it outlives the caller, and saves its identity. A stop signals the
   process group and clears the identity; a record without identity can be started again, unchanged.
3. Every change of the state file happens under a lock of the kernel, which a process that dies releases.
4. Readiness is an HTTP probe from here; a process that ends while it is awaited fails with the last lines of its log.
5. ``stop_all`` ends the processes in reverse order of their start, so that clients end before their servers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localcluster import state
from localcluster.build.locks import exclusive
from localcluster.errors import LocalClusterError
from localcluster.processes import probes
from localcluster.processes import process as processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcluster.paths import ClusterFolder
    from localcluster.state import ProcessRecord, State


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The processes of the cluster in ``folder``; two supervisors of one folder may be used in parallel."""

    folder: ClusterFolder

    def state(self) -> State:
        """The present state file.

        Raises:
            LocalClusterError: the cluster is down.
        """
        current = state.load(self.folder.state)
        if current is None:
            raise LocalClusterError(
                f"The cluster {self.folder.path.name!r} is down.", advice="Start it with `make up` (CLUSTER names it)."
            )
        return current

    def start(self, record: ProcessRecord) -> None:
        """Start a process without waiting for its readiness.

        Raises:
            LocalClusterError: the process runs already or cannot be started.
        """
        with exclusive(self.folder.state_lock):
            existing = self.state().processes.get(record.name)
            if existing is not None and existing.is_running():
                raise LocalClusterError(f"{record.name} runs already.", advice="Stop it first.")
            self._save(self._spawned(record))

    def start_again(self, name: str) -> None:
        """Start a process again with its recorded arguments.

        Raises:
            LocalClusterError: the process is unknown, runs already or cannot be started.
        """
        self.start(self.state().process(name))

    def wait_ready(
        self,
        name: str,
        *,
        timeout_seconds: float = probes.READY_TIMEOUT_SECONDS,
        on_poll: Callable[[str], None] | None = None,
    ) -> None:
        """Wait until a process answers at its ready URL; `on_poll` gets a text for the progress report.

        Raises:
            LocalClusterError: the process ended, or the time is up.
        """
        record = self.state().process(name)
        if record.ready_url is not None:
            probes.wait_ready(
                self.server(name),
                record.ready_url,
                authority=self.folder.authority,
                timeout_seconds=timeout_seconds,
                on_poll=on_poll,
            )

    def server(self, name: str) -> probes.Server:
        """A process as the target of a probe."""
        return probes.Server(name, self.folder.log(name), self.state().process(name).is_running)

    def stop(self, name: str, *, grace_seconds: float = processes.GRACE_SECONDS) -> None:
        """End a process: SIGTERM, then SIGKILL after the grace period. No error if it does not run."""
        record = self.state().process(name)
        if record.identity is not None:
            processes.terminate([record.identity], grace_seconds=grace_seconds)
        self._forget_identity(name)

    def kill(self, name: str) -> None:
        """End a process with SIGKILL. No error if it does not run."""
        record = self.state().process(name)
        if record.identity is not None:
            processes.kill(record.identity)
        self._forget_identity(name)

    def restart(self, name: str) -> None:
        """Stop and start again with the same arguments, then wait until it is ready."""
        self.stop(name)
        self.start_again(name)
        self.wait_ready(name)

    def mark_complete(self) -> None:
        """Record that the start of the cluster is complete."""
        with exclusive(self.folder.state_lock):
            state.save(replace(self.state(), is_complete=True), self.folder.state)

    def stop_all(self) -> None:
        """End all processes, the last started first, so that clients end before the servers that they need."""
        current = state.load(self.folder.state)
        if current is None:
            return
        for record in reversed(current.processes.values()):
            if record.identity is not None:
                processes.terminate([record.identity])

    def _spawned(self, record: ProcessRecord) -> ProcessRecord:
        try:
            identity = processes.spawn(record.argv, log=self.folder.log(record.name), environment=record.environment)
        except OSError as error:
            raise LocalClusterError(f"{record.name} cannot be started.", why=f"{record.argv[0]}: {error}") from error
        return replace(record, identity=identity)

    def _forget_identity(self, name: str) -> None:
        with exclusive(self.folder.state_lock):
            self._save(replace(self.state().process(name), identity=None))

    def _save(self, record: ProcessRecord) -> None:
        state.save(self.state().with_process(record), self.folder.state)

"""Starts, stops, kills and restarts a cluster's processes and keeps the state file true. It must not know what they do."""

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
    """The processes of the cluster in ``folder``."""

    folder: ClusterFolder

    def state(self) -> State:
        """What runs now.

        Raises:
            LocalClusterError: the cluster is down.
        """
        found = state.load(self.folder.state)
        if found is None:
            raise LocalClusterError(
                f"The cluster {self.folder.path.name!r} is down.", advice="Start it with `make up` (CLUSTER names it)."
            )
        return found

    def start(self, record: ProcessRecord) -> None:
        """Start a process, without waiting for it.

        Raises:
            LocalClusterError: it runs already, or cannot be started.
        """
        with exclusive(self.folder.state_lock):
            known = self.state().processes.get(record.name)
            if known is not None and known.is_running():
                raise LocalClusterError(f"{record.name} runs already.", advice="Stop it first.")
            self._save(self._spawned(record))

    def start_again(self, name: str) -> None:
        """Start a process that was started before, as it was.

        Raises:
            LocalClusterError: it is unknown, runs already, or cannot be started.
        """
        self.start(self.state().process(name))

    def wait_ready(
        self,
        name: str,
        *,
        timeout_seconds: float = probes.READY_TIMEOUT_SECONDS,
        on_poll: Callable[[str], None] | None = None,
    ) -> None:
        """Wait until a process answers at its ready URL; `on_poll` is told what is waited for.

        Raises:
            LocalClusterError: it ended, or time is up.
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
        """A process, as somebody to wait for."""
        return probes.Server(name, self.folder.log(name), self.state().process(name).is_running)

    def stop(self, name: str, *, grace_seconds: float = processes.GRACE_SECONDS) -> None:
        """End a process: SIGTERM, then SIGKILL after the grace. No error if it runs no more."""
        record = self.state().process(name)
        if record.identity is not None:
            processes.terminate([record.identity], grace_seconds=grace_seconds)
        self._forget_identity(name)

    def kill(self, name: str) -> None:
        """End a process at once, with SIGKILL. No error if it runs no more."""
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
        """Note that the cluster came up whole."""
        with exclusive(self.folder.state_lock):
            state.save(replace(self.state(), is_complete=True), self.folder.state)

    def stop_all(self) -> None:
        """End everything: the last started first, so that clients go before the servers they need."""
        found = state.load(self.folder.state)
        if found is None:
            return
        for record in reversed(found.processes.values()):
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

"""The handle of a running cluster for tests and demos: addresses, programs, processes and manifests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcluster.build.programs import Programs
from localcluster.components import kubeconfig, prometheus
from localcluster.errors import LocalClusterError
from localcluster.processes.supervisor import Supervisor
from localcluster.state import ProcessRecord, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcluster.paths import ClusterFolder

_FIELD_MANAGER = "localcluster"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is up. It reads the state file at every call, so two handles of one cluster never disagree."""

    folder: ClusterFolder

    @property
    def state(self) -> State:
        """Its ports, tokens and processes, from the state file.

        Raises:
            LocalClusterError: the cluster is down.
        """
        return self._supervisor.state()

    @property
    def name(self) -> str:
        """Its name, which is also the name of its folder."""
        return self.folder.path.name

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return self.folder.kubeconfig

    @property
    def url(self) -> str:
        """The URL of the API server."""
        return self.state.url

    @property
    def prometheus_url(self) -> str:
        """The URL of Prometheus's HTTP API."""
        return self.state.prometheus_url

    @property
    def engines_port(self) -> int:
        """The port reserved for the server that simulates engines."""
        return self.state.ports["engines"]

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON object per line."""
        return self.folder.audit_log

    def bin(self, name: str) -> Path:
        """The path of a program, e.g. ``kubectl``, ``helm``, ``promtool``."""
        return self._programs.path(name)

    def run(self, program: str, *arguments: str, stdin: str = "") -> str:
        """Run a program to its end and return what it printed.

        Raises:
            LocalClusterError: the command failed; the message contains its output.
        """
        # kubectl and helm cache the kinds that an address serves; the next cluster on this port serves others.
        cache = {"KUBECACHEDIR": str(self.folder.data / "kubectl")}
        return self._programs.run(program, *arguments, stdin=stdin, environment=cache)

    def log(self, process: str) -> Path:
        """The log of a process."""
        return self.folder.log(process)

    def start_process(
        self,
        name: str,
        argv: Sequence[str | Path] = (),
        env: Mapping[str, str] | None = None,
        *,
        ready_url: str | None = None,
    ) -> None:
        """Start a process that belongs to the cluster (`down` ends it) and wait until it is ready.

        Args:
            name: unique in the cluster; its log is `logs/NAME.log`.
            argv: absolute path of the program and arguments; empty: start a stopped process again, unchanged.
            env: variables added to this process's environment.
            ready_url: http(s) address that answers 200 once it is ready.

        Raises:
            LocalClusterError: the process runs already, cannot be started, or ended before it was ready.
        """
        if argv:
            record = ProcessRecord(name, tuple(map(str, argv)), dict(env or {}), ready_url)
            self._supervisor.start(record)
        else:
            self._supervisor.start_again(name)
        self._supervisor.wait_ready(name)

    def stop_process(self, name: str) -> None:
        """End a process gently; `start_process(name)` starts it again, on the same port and data."""
        self._supervisor.stop(name)

    def kill_process(self, name: str) -> None:
        """End a process with SIGKILL; `start_process(name)` starts it again, on the same port and data."""
        self._supervisor.kill(name)

    def restart_process(self, name: str) -> None:
        """Stop a process, start it again, wait until it is ready."""
        self._supervisor.restart(name)

    def is_running(self, name: str) -> bool:
        """Whether a process of that name runs."""
        return self.state.process(name).is_running()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the admin and return what it printed.

        Raises:
            LocalClusterError: the command failed; the message contains its output.
        """
        return self.run("kubectl", f"--kubeconfig={self.kubeconfig}", *arguments, stdin=stdin)

    def helm(self, *arguments: str) -> str:
        """Run helm as the admin and return what it printed.

        Raises:
            LocalClusterError: the command failed; the message contains its output.
        """
        return self.run("helm", f"--kubeconfig={self.kubeconfig}", *arguments)

    def apply(self, manifests: Path | Sequence[Mapping[str, Any]]) -> None:
        """Apply a file, a folder or documents on the server's side, taking over fields that others own.

        Raises:
            LocalClusterError: the API server refused.
        """
        source = [str(manifests)] if isinstance(manifests, Path) else ["-"]
        # JSON is YAML, and quicker to write.
        text = "" if isinstance(manifests, Path) else "\n---\n".join(json.dumps(dict(each)) for each in manifests)
        self.kubectl(
            *("apply", "--server-side", "--force-conflicts", f"--field-manager={_FIELD_MANAGER}", "-f", *source), stdin=text
        )

    def token(self, user: str) -> str:
        """The token of a user that the API server knows by file, e.g. ``admin``.

        Raises:
            LocalClusterError: there is no such user.
        """
        tokens = self.state.tokens
        if user not in tokens:
            raise LocalClusterError(f"There is no user {user!r}.", advice=f"There are: {', '.join(tokens)}.")
        return tokens[user]

    def service_account_token(self, namespace: str, name: str, *, duration_seconds: int = 86_400) -> str:
        """A fresh token of a service account (TokenRequest).

        Raises:
            LocalClusterError: there is no such service account.
        """
        return self.kubectl("-n", namespace, "create", "token", name, f"--duration={duration_seconds}s").strip()

    def write_kubeconfig(self, path: Path, token: str, *, namespace: str = "default") -> Path:
        """Write a kubeconfig for this cluster and some token."""
        authority = self.folder.authority.read_bytes()
        content = kubeconfig.render(cluster=self.name, url=self.url, authority=authority, token=token, namespace=namespace)
        kubeconfig.write(path, content)
        return path

    def scrape_operators(self, addresses: Sequence[str]) -> None:
        """Have Prometheus scrape `/metrics` of these operators (host:port) and no others."""
        prometheus.write_operator_targets(self.folder, addresses)

    @property
    def _supervisor(self) -> Supervisor:
        return Supervisor(self.folder)

    @property
    def _programs(self) -> Programs:
        return Programs(paths={name: Path(path) for name, path in self.state.programs.items()}, data={})

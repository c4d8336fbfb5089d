"""The state file, by which one command finds the cluster that another command has started. It starts and stops nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from localcluster.errors import LocalClusterError
from localcluster.processes.process import Identity, is_running

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process: how to start it, and the identity of the running instance.

    Attributes:
        name: unique in the cluster.
        argv: absolute path and arguments.
        environment: variables added to those of the starting process.
        ready_url: answers 200 once the process is ready; None: ready when started.
        identity: the running process; None after it was stopped on purpose.
    """

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    ready_url: str | None = None
    identity: Identity | None = None

    def is_running(self) -> bool:
        """Whether the recorded process itself runs, not another one with its pid."""
        return self.identity is not None and is_running(self.identity)


@dataclass(frozen=True, slots=True)
class State:
    """The actual cluster.

    Attributes:
        cluster: its name.
        time_scale: as in Options.
        fast_pods: as in Options.
        ports: purpose -> loopback port.
        tokens: user -> bearer token.
        programs: program -> absolute path.
        processes: in the order they were first started.
        is_complete: whether `up` succeeded; false while it runs, and forever if it was killed.
    """

    cluster: str
    time_scale: float
    fast_pods: bool
    ports: dict[str, int]
    tokens: dict[str, str]
    programs: dict[str, str]
    processes: dict[str, ProcessRecord]
    is_complete: bool = False

    @property
    def url(self) -> str:
        """The URL of the API server."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def prometheus_url(self) -> str:
        """The URL of Prometheus's HTTP API."""
        return f"http://127.0.0.1:{self.ports['prometheus']}"

    @property
    def scrape_interval_seconds(self) -> float:
        """The scrape interval: 15 s divided by the time scale."""
        return 15 / self.time_scale

    def with_process(self, record: ProcessRecord) -> State:
        """A copy with one process added or replaced."""
        return replace(self, processes={**self.processes, record.name: record})

    def process(self, name: str) -> ProcessRecord:
        """The record of one process.

        Raises:
            LocalClusterError: no process of that name was ever started.
        """
        if name not in self.processes:
            raise LocalClusterError(
                f"The cluster {self.cluster!r} has no process {name!r}.", advice=f"It has: {', '.join(self.processes)}."
            )
        return self.processes[name]


def load(path: Path) -> State | None:
    """The state in a file; None if the file does not exist, i.e. if the cluster is down.

    Raises:
        LocalClusterError: the file cannot be parsed.
    """
    try:
        raw: dict[str, Any] = json.loads(path.read_text())
        processes = {name: _record(name, each) for name, each in raw.pop("processes").items()}
        known = {field.name for field in fields(State)}
        return State(**{key: value for key, value in raw.items() if key in known}, processes=processes)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LocalClusterError(
            f"{path} cannot be read.",
            why=f"Another version of this program may have written it ({error}).",
            advice="Stop the processes that `ps` shows with this folder in their arguments, then remove the file.",
        ) from error


def save(state: State, path: Path) -> None:
    """Write the state atomically: readers see the old one or the new one."""
    scratch = path.with_suffix(".new")
    scratch.touch(mode=0o600)  # it holds tokens
    scratch.write_text(json.dumps({**_derived(state), **asdict(state)}, indent=1))
    scratch.replace(path)


def _derived(state: State) -> dict[str, Any]:
    """Values for people and scripts that read the file; :func:`load` ignores them."""
    return {
        "url": state.url,
        "prometheus_url": state.prometheus_url,
        "engines_port": state.ports["engines"],
        "scrape_interval_seconds": state.scrape_interval_seconds,
    }


def _record(name: str, raw: dict[str, Any]) -> ProcessRecord:
    identity = raw["identity"]
    return ProcessRecord(
        name=name,
        argv=tuple(raw["argv"]),
        environment=raw["environment"],
        ready_url=raw["ready_url"],
        identity=None if identity is None else Identity(**identity),
    )

"""Starts the processes of a cluster in order, each after those that it needs. The caller cleans up after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcluster import state
from localcluster.cluster import Cluster
from localcluster.components import controlplane, kubeconfig, kwok, leaderworkerset, prometheus, scheduler, users
from localcluster.paths import cache_root
from localcluster.processes import ports, probes
from localcluster.processes.supervisor import Supervisor
from localcluster.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from localcluster.build.programs import Programs
    from localcluster.options import Options
    from localcluster.paths import ClusterFolder
    from localcluster.progress import Progress
    from localcluster.state import ProcessRecord

PORTS = (
    *("etcd", "etcd-peers", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"),
    *("leaderworkerset-webhook", "leaderworkerset-health", "prometheus", "engines"),
)
_LWS_PATH = "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets"
_ACCOUNT_PATH = "/api/v1/namespaces/default/serviceaccounts/default"


def boot(options: Options, programs: Programs, progress: Progress, *, definitions: Sequence[Path] = ()) -> None:
    """Start everything in a cleared folder and wait until all of it is ready.

    Args:
        options: which cluster, and how.
        programs: the programs to start.
        progress: reports the steps.
        definitions: files or folders of further CustomResourceDefinitions.

    Raises:
        LocalClusterError: a process did not start; the message names its log.
    """
    folder = options.folder
    with progress.step("keys, ports, configuration"):
        cluster_state = _prepare(options, programs)
    supervisor = Supervisor(folder)
    # The API server retries while etcd starts, so both may start at once.
    _start(supervisor, [controlplane.etcd(folder, cluster_state), controlplane.apiserver(folder, cluster_state)])
    _wait(supervisor, ["etcd", "kube-apiserver"], progress)
    _start(supervisor, [component.process(folder, cluster_state) for component in (scheduler, kwok, prometheus)])
    with progress.step("resource definitions"):
        _install_definitions(folder, cluster_state, programs, definitions)
    # Last, because the garbage collector discovers new kinds only twice a minute, and collects nothing of them before.
    _start(supervisor, [controlplane.controller_manager(folder, cluster_state), leaderworkerset.process(folder, cluster_state)])
    _wait(supervisor, ["kube-controller-manager", "kube-scheduler", "kwok", "prometheus", "leaderworkerset"], progress)
    with progress.step("default service account"):
        # The API server refuses pods until the controller manager has created their service account.
        _wait_for_path(folder, cluster_state, _ACCOUNT_PATH, "kube-controller-manager")


def _prepare(options: Options, programs: Programs) -> State:
    folder = options.folder
    for path in (folder.config, folder.data, folder.logs, folder.prometheus):
        path.mkdir(parents=True, exist_ok=True)
    programs.run("pki", str(folder.pki))
    folder.reservation.touch()
    cluster_state = State(
        cluster=options.name,
        time_scale=options.time_scale,
        fast_pods=options.fast_pods,
        ports=ports.reserve(PORTS, owner=folder.reservation, registry=cache_root() / "ports"),
        tokens=users.new_tokens(),
        programs={name: str(path) for name, path in programs.paths.items()},
        processes={},
    )
    state.save(cluster_state, folder.state)
    _write_credentials(folder, cluster_state)
    controlplane.configure(folder)
    scheduler.configure(folder, cluster_state)
    kwok.configure(folder, cluster_state)
    prometheus.configure(folder, cluster_state)
    leaderworkerset.configure(folder, cluster_state)
    return cluster_state


def _write_credentials(folder: ClusterFolder, cluster_state: State) -> None:
    tokens = folder.pki / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(users.token_file(cluster_state.tokens))
    authority = folder.authority.read_bytes()
    for user, token in cluster_state.tokens.items():
        content = kubeconfig.render(cluster=cluster_state.cluster, url=cluster_state.url, authority=authority, token=token)
        kubeconfig.write(folder.kubeconfig if user == "admin" else folder.component_kubeconfig(user), content)


def _install_definitions(folder: ClusterFolder, cluster_state: State, programs: Programs, definitions: Sequence[Path]) -> None:
    cluster = Cluster(folder)
    for path in definitions:
        cluster.apply(path)
    shipped = programs.data["leaderworkerset"]
    cluster.apply(leaderworkerset.definition(shipped))
    manifests = leaderworkerset.manifests(
        shipped,
        webhook_url=f"https://127.0.0.1:{cluster_state.ports['leaderworkerset-webhook']}",
        authority=folder.authority.read_bytes(),
    )
    cluster.apply(manifests)
    # The controller exits at once if its kind is not served yet.
    _wait_for_path(folder, cluster_state, _LWS_PATH, "kube-apiserver")


def _wait_for_path(folder: ClusterFolder, cluster_state: State, path: str, served_by: str) -> None:
    """Wait until the API server answers a path with 200; fail when the process ``served_by`` ends."""
    server = Supervisor(folder).server(served_by)
    probes.wait_ready(server, cluster_state.url + path, authority=folder.authority, token=cluster_state.tokens["admin"])


def _start(supervisor: Supervisor, records: list[ProcessRecord]) -> None:
    for record in records:
        supervisor.start(record)


def _wait(supervisor: Supervisor, names: list[str], progress: Progress) -> None:
    for name in names:
        with progress.step(name) as step:
            supervisor.wait_ready(name, on_poll=step.update)
            step.outcome = "ready"

"""The order in which a cluster's processes start, and what each of them waits for. It must not clean up: its caller does."""

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
        programs: what to start.
        progress: where to tell.
        definitions: files or folders of more CustomResourceDefinitions.

    Raises:
        LocalClusterError: something did not start; the message names its log.
    """
    folder = options.folder
    with progress.step("keys, ports, configuration"):
        found = _prepare(options, programs)
    supervisor = Supervisor(folder)
    # The API server retries while etcd starts, so both may start at once.
    _start(supervisor, [controlplane.etcd(folder, found), controlplane.apiserver(folder, found)])
    _wait(supervisor, ["etcd", "kube-apiserver"], progress)
    _start(supervisor, [component.process(folder, found) for component in (scheduler, kwok, prometheus)])
    with progress.step("resource definitions"):
        _install_definitions(folder, found, programs, definitions)
    # Last, because the garbage collector looks for new kinds only twice a minute: what is defined later is not
    # collected before that.
    _start(supervisor, [controlplane.controller_manager(folder, found), leaderworkerset.process(folder, found)])
    _wait(supervisor, ["kube-controller-manager", "kube-scheduler", "kwok", "prometheus", "leaderworkerset"], progress)
    with progress.step("default service account"):
        # Pods are refused before the controller manager has made the account they run as.
        _wait_for_path(folder, found, _ACCOUNT_PATH, "kube-controller-manager")


def _prepare(options: Options, programs: Programs) -> State:
    folder = options.folder
    for path in (folder.config, folder.data, folder.logs, folder.prometheus):
        path.mkdir(parents=True, exist_ok=True)
    programs.run("pki", str(folder.pki))
    folder.reservation.touch()
    found = State(
        cluster=options.name,
        time_scale=options.time_scale,
        fast_pods=options.fast_pods,
        ports=ports.reserve(PORTS, owner=folder.reservation, registry=cache_root() / "ports"),
        tokens=users.new_tokens(),
        programs={name: str(path) for name, path in programs.paths.items()},
        processes={},
    )
    state.save(found, folder.state)
    _write_credentials(folder, found)
    controlplane.configure(folder)
    scheduler.configure(folder, found)
    kwok.configure(folder, found)
    prometheus.configure(folder, found)
    leaderworkerset.configure(folder, found)
    return found


def _write_credentials(folder: ClusterFolder, found: State) -> None:
    tokens = folder.pki / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(users.token_file(found.tokens))
    authority = folder.authority.read_bytes()
    for user, token in found.tokens.items():
        content = kubeconfig.render(cluster=found.cluster, url=found.url, authority=authority, token=token)
        kubeconfig.write(folder.kubeconfig if user == "admin" else folder.component_kubeconfig(user), content)


def _install_definitions(folder: ClusterFolder, found: State, programs: Programs, definitions: Sequence[Path]) -> None:
    cluster = Cluster(folder)
    for path in definitions:
        cluster.apply(path)
    shipped = programs.data["leaderworkerset"]
    cluster.apply(leaderworkerset.definition(shipped))
    manifests = leaderworkerset.manifests(
        shipped,
        webhook_url=f"https://127.0.0.1:{found.ports['leaderworkerset-webhook']}",
        authority=folder.authority.read_bytes(),
    )
    cluster.apply(manifests)
    # The controller gives up at once if its kind is not served yet.
    _wait_for_path(folder, found, _LWS_PATH, "kube-apiserver")


def _wait_for_path(folder: ClusterFolder, found: State, path: str, served_by: str) -> None:
    """Wait until the API server answers a path with 200, for as long as the process responsible for it lives."""
    server = Supervisor(folder).server(served_by)
    probes.wait_ready(server, found.url + path, authority=folder.authority, token=found.tokens["admin"])


def _start(supervisor: Supervisor, records: list[ProcessRecord]) -> None:
    for record in records:
        supervisor.start(record)


def _wait(supervisor: Supervisor, names: list[str], progress: Progress) -> None:
    for name in names:
        with progress.step(name) as step:
            supervisor.wait_ready(name, on_poll=step.update)
            step.outcome = "ready"

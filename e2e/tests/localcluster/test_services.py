"""Around the API server: faults, Prometheus, users, the audit log."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from localcluster import LocalClusterError, Options, up
from localcluster.testing import Namespace, deployment, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster

pytestmark = pytest.mark.cluster

ENGINE = {"modelmatrix.io/deployment": "chat", "modelmatrix.io/role": "leader", "modelmatrix.io/pool": "nvidia-a"}


def query(cluster: Cluster, path: str, **parameters: str) -> Any:
    url = f"{cluster.prometheus_url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # the address is our own
        return json.load(answer)["data"]


@contextmanager
def metrics_server(port: int) -> Iterator[list[str]]:
    """Answers every path with one metric; yields the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"requests_waiting 7\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_api_server_comes_back_with_its_data_after_a_kill(namespace: Namespace) -> None:
    cluster = namespace.cluster
    url = cluster.url
    namespace.kubectl("create", "configmap", "kept", "--from-literal=answer=42")
    cluster.kill_process("kube-apiserver")
    assert not cluster.is_running("kube-apiserver")
    with pytest.raises(LocalClusterError, match="refused"):
        namespace.get("configmap", "kept")

    cluster.start_process("kube-apiserver")
    assert cluster.url == url
    assert namespace.get("configmap", "kept")["data"] == {"answer": "42"}


def test_prometheus_scrapes_one_target_per_engine_with_the_labels_of_a_pod_monitor(namespace: Namespace) -> None:
    cluster = namespace.cluster
    namespace.apply(deployment("chat", labels=ENGINE))
    namespace.apply(deployment("web"))
    with metrics_server(cluster.engines_port) as asked:

        def check() -> dict[str, str]:
            result = query(cluster, "query", query=f'requests_waiting{{namespace="{namespace.name}"}}')["result"]
            assert [each["value"][1] for each in result] == ["7"]
            metric: dict[str, str] = result[0]["metric"]
            return metric

        metric = eventually(check)
        (pod,) = namespace.pods("app=chat")
        name = pod["metadata"]["name"]
        assert metric == {
            "__name__": "requests_waiting",
            "container": "engine",
            "instance": pod["status"]["podIP"],
            "job": "engines",
            "modelmatrix_io_deployment": "chat",
            "modelmatrix_io_pool": "nvidia-a",
            "namespace": namespace.name,
            "pod": name,
        }
        assert set(asked) - {"/metrics"} == {f"/namespaces/{namespace.name}/pods/{name}/metrics"}  # and the gateway


def test_prometheus_finds_operators_that_it_is_told_of(cluster: Cluster) -> None:
    cluster.scrape_operators(["127.0.0.1:9"])

    def check(expected: list[str]) -> None:
        targets = query(cluster, "targets", scrapePool="operator")["activeTargets"]
        assert [each["scrapeUrl"] for each in targets] == expected

    eventually(lambda: check(["http://127.0.0.1:9/metrics"]))
    cluster.scrape_operators([])
    eventually(lambda: check([]))


def test_prometheus_configuration_passes_its_own_check(cluster: Cluster) -> None:
    path = cluster.folder.prometheus / "prometheus.yml"
    assert "SUCCESS" in cluster.run("promtool", "check", "config", str(path))


def test_prometheus_keeps_its_port_over_a_restart(cluster: Cluster) -> None:
    before = cluster.prometheus_url
    cluster.restart_process("prometheus")
    assert cluster.prometheus_url == before
    eventually(lambda: query(cluster, "targets"))


def test_the_audit_log_says_who_asked(namespace: Namespace) -> None:
    namespace.apply(deployment("web"))

    def check() -> None:
        users: dict[str, str] = {}
        for line in namespace.cluster.audit_log.read_text().splitlines():
            entry = json.loads(line)
            assert entry["stage"] != "RequestReceived"
            users.setdefault(entry["user"]["username"], entry["level"])
        deployment_controller = "system:serviceaccount:kube-system:deployment-controller"
        expected = {"admin", "system:kube-scheduler", "kwok", "prometheus", "leaderworkerset", deployment_controller}
        assert expected <= set(users)
        assert set(users.values()) == {"Metadata"}

    eventually(check)


def test_a_service_account_gets_a_kubeconfig_of_its_own(namespace: Namespace, tmp_path: Path) -> None:
    cluster = namespace.cluster
    namespace.kubectl("create", "serviceaccount", "operator")
    token = cluster.service_account_token(namespace.name, "operator")
    kubeconfig = cluster.write_kubeconfig(tmp_path / "kubeconfig", token)
    who = cluster.kubectl(f"--kubeconfig={kubeconfig}", "auth", "whoami", "-o", "json")
    user = json.loads(who)["status"]["userInfo"]["username"]
    assert user == f"system:serviceaccount:{namespace.name}:operator"


def test_up_again_finds_the_cluster_and_mends_it(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = cluster.state.process("etcd")
    cluster.kill_process("kwok")
    up(Options(name=cluster.name))
    assert "up already" in capsys.readouterr().out
    assert cluster.state.process("etcd") == before
    assert cluster.is_running("kwok")


def test_up_with_other_settings_is_refused(cluster: Cluster) -> None:
    with pytest.raises(LocalClusterError, match="other settings"):
        up(Options(name=cluster.name, fast_pods=True))

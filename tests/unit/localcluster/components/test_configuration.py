"""What the components are told: kubeconfigs, users, Prometheus, the scheduler, kwok, LeaderWorkerSet."""

from __future__ import annotations

import base64
import csv
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from localcluster.components import kubeconfig, kwok, leaderworkerset, prometheus, scheduler, users

if TYPE_CHECKING:
    from pathlib import Path


def test_a_kubeconfig_trusts_the_authority_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kubeconfig"
    content = kubeconfig.render(cluster="one", url="https://127.0.0.1:1", authority=b"PEM", token="t", namespace="bank")  # noqa: S106  # no secret
    kubeconfig.write(path, content)
    written = yaml.safe_load(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
    (cluster,) = written["clusters"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert "insecure-skip-tls-verify" not in path.read_text()
    assert written["users"][0]["user"] == {"token": "t"}
    assert written["contexts"][0]["context"] == {"cluster": "one", "user": "one", "namespace": "bank"}
    assert written["current-context"] == "one"


def test_an_open_kubeconfig_is_closed_when_written_again(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.touch(mode=0o644)
    kubeconfig.write(path, {})
    assert path.stat().st_mode & 0o077 == 0


def test_every_user_has_a_token_of_its_own() -> None:
    tokens = users.new_tokens()
    assert len(set(tokens.values())) == len(tokens)
    rows = {row[1]: row for row in csv.reader(users.token_file(tokens).splitlines())}
    assert rows["admin"] == [tokens["admin"], "admin", "admin", "system:masters"]
    assert rows["system:kube-scheduler"][3] == ""


def render_prometheus(*, interval_seconds: float = 1) -> dict[str, Any]:
    return prometheus.render(
        kubeconfig="/c/kubeconfig",
        folder="/c/prometheus",
        operator_targets="/c/operator.json",
        engines_address="127.0.0.1:20001",
        scrape_interval_seconds=interval_seconds,
    )


@pytest.mark.parametrize(("seconds", "text"), [(1, "1000ms"), (15, "15000ms"), (15 / 13, "1154ms")])
def test_prometheus_scrapes_on_the_clusters_clock(seconds: float, text: str) -> None:
    config = render_prometheus(interval_seconds=seconds)["global"]
    assert {config["scrape_interval"], config["scrape_timeout"], config["evaluation_interval"]} == {text}


def relabel(rules: list[dict[str, Any]], labels: dict[str, str]) -> dict[str, str] | None:
    """What Prometheus makes of a target's labels: the two actions that the configuration uses."""
    labels = dict(labels)
    for rule in rules:
        value = rule.get("separator", ";").join(labels.get(name, "") for name in rule.get("source_labels", []))
        match = re.fullmatch(rule.get("regex", "(.*)"), value)
        if rule.get("action") == "keep":
            if match is None:
                return None
        elif match is not None:
            template = re.sub(r"\$(\d)", r"\\\1", rule.get("replacement", "$1"))
            labels[rule["target_label"]] = match.expand(template)
    return {name: value for name, value in labels.items() if value and not name.startswith("__meta")}


POD = {
    "__address__": "10.128.0.7:8000",
    "__meta_kubernetes_namespace": "bank",
    "__meta_kubernetes_pod_name": "chat-0",
    "__meta_kubernetes_pod_ip": "10.128.0.7",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_container_init": "false",
    "__meta_kubernetes_pod_container_name": "engine",
    "__meta_kubernetes_pod_container_port_number": "8000",
    "__meta_kubernetes_pod_label_modelmatrix_io_deployment": "chat",
    "__meta_kubernetes_pod_label_modelmatrix_io_pool": "ascend-a",
    "__meta_kubernetes_pod_label_modelmatrix_io_engine": "vLLM",
}


def test_an_engines_target_has_the_labels_of_a_pod_monitor_and_the_simulators_address() -> None:
    (rules,) = [each["relabel_configs"] for each in render_prometheus()["scrape_configs"] if each["job_name"] == "engines"]
    expected = {
        "__address__": "127.0.0.1:20001",
        "__metrics_path__": "/namespaces/bank/pods/chat-0/metrics",
        "container": "engine",
        "instance": "10.128.0.7",
        "modelmatrix_io_deployment": "chat",
        "modelmatrix_io_engine": "vLLM",
        "modelmatrix_io_pool": "ascend-a",
        "namespace": "bank",
        "pod": "chat-0",
    }
    assert relabel(rules, POD) == expected
    second_port = {**POD, "__address__": "10.128.0.7:8001", "__meta_kubernetes_pod_container_port_number": "8001"}
    assert relabel(rules, second_port) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"__meta_kubernetes_pod_phase": "Pending"},
        {"__meta_kubernetes_pod_phase": "Succeeded"},
        {"__meta_kubernetes_pod_container_init": "true"},
        {"__meta_kubernetes_pod_container_port_number": ""},
    ],
)
def test_what_cannot_serve_is_no_target(changes: dict[str, str]) -> None:
    (rules,) = [each["relabel_configs"] for each in render_prometheus()["scrape_configs"] if each["job_name"] == "engines"]
    assert relabel(rules, {**POD, **changes}) is None


def test_only_leaders_of_deployments_are_asked_for() -> None:
    (discovery,) = render_prometheus()["scrape_configs"][0]["kubernetes_sd_configs"]
    assert discovery["selectors"] == [{"role": "pod", "label": "modelmatrix.io/deployment,modelmatrix.io/role=leader"}]


def test_the_second_profile_packs_accelerators() -> None:
    config = scheduler.render(kubeconfig="/c/kubeconfig", time_scale=15)
    plain, binpack = config["profiles"]
    assert plain == {"schedulerName": "default-scheduler"}
    assert binpack["schedulerName"] == "modelmatrix-binpack"
    (fit,) = [each["args"]["scoringStrategy"] for each in binpack["pluginConfig"] if each["name"] == "NodeResourcesFit"]
    assert fit["type"] == "MostAllocated"
    weights = {each["name"]: each["weight"] for each in fit["resources"]}
    assert min(weights[name] for name in scheduler.ACCELERATOR_RESOURCES) > weights["cpu"] + weights["memory"]


@pytest.mark.parametrize(("time_scale", "seconds"), [(1, 10), (5, 2), (15, 1)])
def test_the_scheduler_tries_again_on_the_clusters_clock(time_scale: float, seconds: int) -> None:
    assert scheduler.render(kubeconfig="", time_scale=time_scale)["podMaxBackoffSeconds"] == seconds


@pytest.mark.parametrize(("fast_pods", "engines_wait"), [(False, True), (True, False)])
def test_fast_pods_make_engines_ready_but_let_them_drain(*, fast_pods: bool, engines_wait: bool) -> None:
    stages = {each["metadata"]["name"]: each for each in yaml.safe_load_all(kwok.render_pod_stages(fast_pods=fast_pods))}
    template = stages["pod-start"]["spec"]["steps"][0]["patch"]["template"]
    assert (kwok.ENGINE_LABEL in template) is engines_wait
    assert "@" not in template
    assert kwok.ENGINE_LABEL in str(stages["pod-drain"]["spec"]["selector"])
    assert kwok.DRAIN_ANNOTATION in str(stages["pod-drain"]["spec"]["delay"])


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The parts of the module's `config` folder that are read."""
    role = {"kind": "ClusterRole", "metadata": {"name": "manager-role"}, "rules": []}
    hooks = [
        {"name": "sets", "clientConfig": {"service": {"path": "/sets"}}, "rules": [{"resources": ["leaderworkersets"]}]},
        {"name": "pods", "clientConfig": {"service": {"path": "/pods"}}, "rules": [{"resources": ["pods"]}]},
    ]
    for path, content in (
        ("rbac/role.yaml", role),
        ("webhook/manifests.yaml", {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "m"}, "webhooks": hooks}),
    ):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("---\n" + yaml.safe_dump(content))
    return tmp_path


def test_webhooks_are_called_by_url_and_ask_about_no_foreign_pods(shipped: Path) -> None:
    documents = leaderworkerset.manifests(shipped, webhook_url="https://127.0.0.1:1", authority=b"PEM")
    (configuration,) = [each for each in documents if "webhooks" in each]
    sets, pods = configuration["webhooks"]
    assert sets["clientConfig"] == {"url": "https://127.0.0.1:1/sets", "caBundle": base64.b64encode(b"PEM").decode()}
    assert "objectSelector" not in sets
    (only,) = pods["objectSelector"]["matchExpressions"]
    assert only == {"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}


def test_the_controller_has_the_rights_it_ships_and_no_more(shipped: Path) -> None:
    role, binding, _ = leaderworkerset.manifests(shipped, webhook_url="", authority=b"")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "leaderworkerset"}]
    assert users.GROUPS["leaderworkerset"] == ()

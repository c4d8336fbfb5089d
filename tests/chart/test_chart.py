"""The chart as Helm renders it: complete, closed to typing errors, and as strict as a bank's cluster asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import CHART, Manifest, environment, of_kind, render
from localcluster import LocalClusterError
from localcluster.build.programs import Programs
from modelmatrix.settings import Settings, variable
from playground.options import REPOSITORY

pytestmark = pytest.mark.cluster

CRDS = REPOSITORY / "crds"
FORBIDDEN = {"secrets", "pods/exec", "nodes/proxy", "serviceaccounts/token", "roles", "rolebindings", "clusterroles"}

Golden = Callable[[str, Any], None]


def test_helm_finds_nothing_to_complain_about(programs: Programs) -> None:
    said = programs.run("helm", "lint", "--strict", str(CHART))
    assert "0 chart(s) failed" in said


def test_the_manifests_of_the_defaults(programs: Programs, golden: Golden) -> None:
    golden("chart", [_steady(item) for item in render(programs) if item["kind"] != "CustomResourceDefinition"])


def _steady(manifest: Manifest) -> Manifest:
    """A manifest without the certificate, which is another one each time."""
    if manifest["kind"] == "Secret":
        manifest["data"] = dict.fromkeys(manifest["data"], "(another one each time)")
        manifest["metadata"]["annotations"]["modelmatrix.io/certificate-ends"] = "(in three years)"
    for webhook in manifest.get("webhooks", ()):
        webhook["clientConfig"]["caBundle"] = "(ca.crt of the Secret)"
    return manifest


def test_the_chart_brings_the_crds_of_this_version(programs: Programs) -> None:
    brought = of_kind(render(programs), "CustomResourceDefinition")
    there = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CRDS.glob("*.yaml")]
    assert all(item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for item in brought)
    assert {item["metadata"]["name"]: item["spec"] for item in brought} == {
        item["metadata"]["name"]: item["spec"] for item in there
    }


def test_models_that_outlive_the_chart_keep_their_priority_classes(programs: Programs) -> None:
    kept, gone = (of_kind(render(programs, f"crds.keep={keep}"), "PriorityClass") for keep in ("true", "false"))
    assert all(item["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for item in kept)
    assert not any("annotations" in item["metadata"] for item in gone)


def test_without_crds_there_are_none(programs: Programs) -> None:
    assert of_kind(render(programs, "crds.install=false"), "CustomResourceDefinition") == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("replica=3", "replica"),
        ("replicas=0", "replicas"),
        ("prometheus.url=prometheus:9090", "prometheus"),
        ("operator.logLevel=LOUD", "logLevel"),
        ("image.digest=sha256:123", "digest"),
        ("operator.extraEnv.lower=1", "lower"),
        ("operator.extraEnv.MODELMATRIX_INTERVAL=5", "MODELMATRIX_INTERVAL: the chart sets this variable itself"),
        (r"podLabels.app\.kubernetes\.io/name=mine", "app.kubernetes.io/name: the chart sets this label itself"),
        ("metrics.podMonitor.interval=16s", "interval"),
        ("metrics.podMonitor.interval=1m", "interval"),
        ("prometheus.caSecret.file=ca.crt", "file"),
        ("admission.mode=Warning", "mode"),
        ("rbac.scope=Namespace", "scope"),
        ("rbac.scope={Team_A}", "scope"),
        ("policies.operator.hostPaths[0].path=data", "path"),
        ("policies.operator.hostPaths[0].path=/data", "readOnly"),
        ("admission.url=http://10.0.0.5:9443", "url"),
        ("admission.existingSecret=webhook", "admission.caBundle: give the authority"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(programs: Programs, value: str, words: str) -> None:
    with pytest.raises(LocalClusterError, match=words):
        render(programs, value)


def test_the_matchers_of_a_shared_prometheus_reach_the_operator(programs: Programs) -> None:
    variables = environment(render(programs, 'prometheus.matchers=cluster="bank-a"'))
    assert variables["MODELMATRIX_PROMETHEUS_MATCHERS"] == 'cluster="bank-a"'


def test_every_variable_of_the_deployment_is_a_setting(programs: Programs) -> None:
    known = {variable(name) for name in Settings.model_fields}
    assert (
        environment(
            render(programs, "prometheus.gatewayQuery=up", "prometheus.caSecret.name=ca", "prometheus.tokenSecret.name=token")
        ).keys()
        <= known
    )


def test_the_operator_passes_pod_security_restricted(programs: Programs) -> None:
    (deployment,) = of_kind(render(programs), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_roles_of_the_operator_hold_no_wildcard_and_nothing_that_leads_to_secrets(programs: Programs) -> None:
    manifests = render(programs)
    roles = [item for item in (*of_kind(manifests, "ClusterRole"), *of_kind(manifests, "Role")) if "aggregat" not in str(item)]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert not FORBIDDEN & set(rule["resources"])
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_a_registry_of_the_bank_goes_before_the_image(programs: Programs) -> None:
    (deployment,) = of_kind(render(programs, "global.imageRegistry=registry.example"), "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].startswith("registry.example/modelmatrix/operator:")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("rclone/rclone:1.71", "registry.example/rclone/rclone:1.71"),
        ("rclone:1.71", "registry.example/rclone:1.71"),
        ("mirror.bank:5000/rclone:1.71", "mirror.bank:5000/rclone:1.71"),
        ("docker.io/rclone/rclone:1.71", "docker.io/rclone/rclone:1.71"),
    ],
)
def test_the_registry_goes_before_the_image_for_weights_too_unless_that_names_one(
    programs: Programs, image: str, expected: str
) -> None:
    values = ("global.imageRegistry=registry.example", f"operator.weightsImage={image}")
    assert environment(render(programs, *values))["MODELMATRIX_WEIGHTS_IMAGE"] == expected


def test_further_settings_and_labels_stand_beside_those_of_the_chart(programs: Programs) -> None:
    manifests = render(programs, "operator.extraEnv.MODELMATRIX_TIME_SCALE=5", "podLabels.team=ai")
    (deployment,) = of_kind(manifests, "Deployment")
    assert environment(manifests)["MODELMATRIX_TIME_SCALE"] == "5"
    assert deployment["spec"]["template"]["metadata"]["labels"]["team"] == "ai"


def test_secrets_for_prometheus_are_mounted_read_only_and_named(programs: Programs) -> None:
    manifests = render(programs, "prometheus.caSecret.name=bank-ca", "prometheus.tokenSecret.name=reader")
    (deployment,) = of_kind(manifests, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    _, mount = pod["containers"][0]["volumeMounts"]
    assert mount["readOnly"] is True
    assert pod["volumes"][1]["projected"]["sources"] == [
        {"secret": {"name": "bank-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"secret": {"name": "reader", "items": [{"key": "token", "path": "token"}]}},
    ]
    found = environment(manifests)
    assert found["MODELMATRIX_PROMETHEUS_CA_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert found["MODELMATRIX_PROMETHEUS_TOKEN_FILE"] == f"{mount['mountPath']}/token"


def test_one_secret_for_prometheus_needs_no_other(programs: Programs) -> None:
    manifests = render(programs, "prometheus.tokenSecret.name=reader", "prometheus.tokenSecret.key=jwt")
    (deployment,) = of_kind(manifests, "Deployment")
    (source,) = deployment["spec"]["template"]["spec"]["volumes"][1]["projected"]["sources"]
    assert source["secret"]["items"] == [{"key": "jwt", "path": "token"}]
    assert "MODELMATRIX_PROMETHEUS_CA_FILE" not in environment(manifests)


def test_a_network_policy_lets_everyone_read_metrics_and_leaves_egress_open(programs: Programs) -> None:
    assert of_kind(render(programs), "NetworkPolicy") == []
    manifests = render(programs, "networkPolicy.enabled=true")
    (policy,), (deployment,) = of_kind(manifests, "NetworkPolicy"), of_kind(manifests, "Deployment")
    assert policy["spec"]["podSelector"] == deployment["spec"]["selector"]
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    ports = ("metrics", "admission")  # no peer of a policy can be the API server
    assert policy["spec"]["ingress"] == [{"ports": [{"port": port, "protocol": "TCP"}]} for port in ports]
    (off,) = of_kind(render(programs, "networkPolicy.enabled=true", "admission.mode=Off"), "NetworkPolicy")
    assert off["spec"]["ingress"] == policy["spec"]["ingress"][:1]


def test_a_network_policy_can_name_who_reads_metrics_and_what_is_reached(programs: Programs) -> None:
    (policy,) = of_kind(
        render(
            programs,
            "networkPolicy.enabled=true",
            "networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus",
            "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
            "networkPolicy.egress[0].ports[0].port=443",
        ),
        "NetworkPolicy",
    )
    peer = {"podSelector": {"matchLabels": {"app": "prometheus"}}, "namespaceSelector": {"matchLabels": {"team": "monitoring"}}}
    assert policy["spec"]["ingress"][0]["from"] == [peer]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["egress"] == [{"ports": [{"port": 443}]}]


def test_labels_of_engines_win_only_where_they_are_trusted(programs: Programs) -> None:
    engines, operator = of_kind(render(programs, "metrics.podMonitor.enabled=true"), "PodMonitor")
    assert [one["honorLabels"] for one in engines["spec"]["podMetricsEndpoints"]] == [False, False]
    assert operator["spec"]["podMetricsEndpoints"][0]["honorLabels"] is True
    values = ("metrics.podMonitor.enabled=true", "metrics.podMonitor.honorEngineLabels=true")
    engines, _ = of_kind(render(programs, *values), "PodMonitor")
    assert [one["honorLabels"] for one in engines["spec"]["podMetricsEndpoints"]] == [True, True]


def test_monitors_give_the_labels_that_the_operator_asks_for(programs: Programs) -> None:
    engines, _ = of_kind(render(programs, "metrics.podMonitor.enabled=true"), "PodMonitor")
    assert {"modelmatrix.io/deployment", "modelmatrix.io/pool"} <= set(engines["spec"]["podTargetLabels"])


def test_the_notes_warn_of_what_is_missing(programs: Programs, tmp_path: Path) -> None:
    folder = tmp_path / "kubeconfig"
    said = programs.run(
        *("helm", "install", "modelmatrix", str(CHART), "--dry-run=client", "--namespace", "modelmatrix-system"),
        environment={"KUBECONFIG": str(folder)},
    )
    assert "prometheus.url is empty" in said
    named = re.findall(r"manifests/\S+", said)
    assert named
    assert all((REPOSITORY / path).is_file() for path in named)

"""The chart as Helm renders it: complete, closed to typing errors, and as strict as a bank's cluster asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import LocalClusterError
from localcluster.build import build_missing
from localcluster.programs import Programs
from localcluster.progress import on_standard_output
from modelmatrix.settings import Settings, variable
from playground.wishes import REPOSITORY

pytestmark = pytest.mark.cluster

CHART = REPOSITORY / "charts" / "modelmatrix"
CRDS = REPOSITORY / "crds"
FORBIDDEN = {"secrets", "pods/exec", "nodes/proxy", "serviceaccounts/token", "roles", "rolebindings", "clusterroles"}

Manifest = dict[str, Any]
Golden = Callable[[str, Any], None]


@pytest.fixture(scope="module")
def programs() -> Programs:
    """The real helm."""
    return build_missing(on_standard_output())


def render(programs: Programs, *values: str) -> list[Manifest]:
    """What the chart makes of some values."""
    flags = [flag for value in values for flag in ("--set", value)]
    text = programs.run("helm", "template", "modelmatrix", str(CHART), "--namespace", "modelmatrix-system", *flags)
    return [item for item in yaml.safe_load_all(text) if item]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Manifests of one kind."""
    return [item for item in manifests if item["kind"] == kind]


def test_helm_finds_nothing_to_complain_about(programs: Programs) -> None:
    said = programs.run("helm", "lint", "--strict", str(CHART))
    assert "0 chart(s) failed" in said


def test_the_manifests_of_the_defaults(programs: Programs, golden: Golden) -> None:
    golden("chart", [item for item in render(programs) if item["kind"] != "CustomResourceDefinition"])


def test_the_chart_brings_the_crds_of_this_version(programs: Programs) -> None:
    brought = of_kind(render(programs), "CustomResourceDefinition")
    there = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CRDS.glob("*.yaml")]
    assert all(item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for item in brought)
    assert {item["metadata"]["name"]: item["spec"] for item in brought} == {
        item["metadata"]["name"]: item["spec"] for item in there
    }


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
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(programs: Programs, value: str, words: str) -> None:
    with pytest.raises(LocalClusterError, match=words):
        render(programs, value)


def test_every_variable_of_the_deployment_is_a_setting(programs: Programs) -> None:
    (deployment,) = of_kind(render(programs, "prometheus.gatewayQuery=up"), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    known = {variable(name) for name in Settings.model_fields}
    assert {item["name"] for item in container["env"]} <= known


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


def test_monitors_give_the_labels_that_the_operator_asks_for(programs: Programs) -> None:
    engines, _ = of_kind(render(programs, "metrics.podMonitor.enabled=true"), "PodMonitor")
    assert {"modelmatrix.io/deployment", "modelmatrix.io/pool"} <= set(engines["spec"]["podTargetLabels"])
    assert all(endpoint["honorLabels"] for endpoint in engines["spec"]["podMetricsEndpoints"])


def test_the_notes_warn_of_what_is_missing(programs: Programs, tmp_path: Path) -> None:
    folder = tmp_path / "kubeconfig"
    said = programs.run(
        *("helm", "install", "modelmatrix", str(CHART), "--dry-run=client", "--namespace", "modelmatrix-system"),
        environment={"KUBECONFIG": str(folder)},
    )
    assert "prometheus.url is empty" in said

"""The operator's metrics by TLS and for certain users, as Helm renders it."""

from __future__ import annotations

import pytest

from charts import Manifest, environment, of_kind, render
from localcluster import LocalClusterError
from localcluster.build.programs import Programs
from modelmatrix.settings import Settings, variable

pytestmark = pytest.mark.cluster

SECURE = ("metrics.secure.enabled=true", "metrics.podMonitor.enabled=true")
REVIEWS = {("create", "tokenreviews"), ("create", "subjectaccessreviews")}


def pod(manifests: list[Manifest]) -> Manifest:
    (deployment,) = of_kind(manifests, "Deployment")
    found: Manifest = deployment["spec"]["template"]["spec"]
    return found


def rights(manifests: list[Manifest]) -> set[tuple[str, str]]:
    (role,) = (item for item in of_kind(manifests, "ClusterRole") if item["metadata"]["name"] == "modelmatrix")
    return {(verb, resource) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def operators_endpoint(manifests: list[Manifest]) -> Manifest:
    _, monitor = of_kind(manifests, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    found: Manifest = endpoint
    return found


def test_by_default_there_is_nothing_of_it(programs: Programs) -> None:
    manifests = render(programs, SECURE[1])
    assert not REVIEWS & rights(manifests)
    assert "METRICS_SECURE" not in str(environment(manifests))
    assert "scheme" not in str(pod(manifests)["containers"][0]["livenessProbe"])
    assert operators_endpoint(manifests) == {"port": "metrics", "interval": "30s", "honorLabels": True}
    assert not [item for item in of_kind(manifests, "ClusterRole") if "metrics" in item["metadata"]["name"]]


def test_it_is_served_with_the_certificate_of_the_webhook(programs: Programs) -> None:
    manifests = render(programs, *SECURE)
    (secret,), spec, found = of_kind(manifests, "Secret"), pod(manifests), environment(manifests)
    (container,) = spec["containers"]
    (mount,) = (item for item in container["volumeMounts"] if item["name"] == "metrics")
    assert {"name": "metrics", "secret": {"secretName": secret["metadata"]["name"]}} in spec["volumes"]
    assert mount["readOnly"] is True
    assert found["MODELMATRIX_METRICS_SECURE"] == "true"
    for name, file in (("certificate", "tls.crt"), ("key", "tls.key")):
        path = found[variable(f"metrics_{name}_file")]
        assert path == f"{mount['mountPath']}/{file}" == Settings.model_fields[f"metrics_{name}_file"].default
    assert all(container[probe]["httpGet"]["scheme"] == "HTTPS" for probe in ("livenessProbe", "readinessProbe"))


def test_a_secret_of_the_banks_own_is_served(programs: Programs) -> None:
    manifests = render(programs, *SECURE, "metrics.secure.existingSecret=mine", "admission.mode=Off")
    assert {"name": "metrics", "secret": {"secretName": "mine"}} in pod(manifests)["volumes"]
    assert operators_endpoint(manifests)["tlsConfig"]["ca"] == {"secret": {"name": "mine", "key": "ca.crt"}}


def test_without_any_certificate_it_is_refused(programs: Programs) -> None:
    with pytest.raises(LocalClusterError, match=r"metrics\.secure\.existingSecret: name a Secret"):
        render(programs, *SECURE, "admission.mode=Off")


def test_the_operator_may_review_and_a_role_is_there_for_readers(programs: Programs) -> None:
    manifests = render(programs, *SECURE)
    assert rights(manifests) >= REVIEWS
    (reader,) = (item for item in of_kind(manifests, "ClusterRole") if item["metadata"]["name"].endswith("-metrics-reader"))
    assert reader["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]


def test_prometheus_asks_by_tls_with_its_token(programs: Programs) -> None:
    endpoint = operators_endpoint(render(programs, *SECURE, "metrics.podMonitor.tokenSecret.name=scraper"))
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"]["serverName"] == "modelmatrix.modelmatrix-system.svc"
    assert endpoint["authorization"] == {"credentials": {"name": "scraper", "key": "token"}}
    assert "authorization" not in operators_endpoint(render(programs, *SECURE))

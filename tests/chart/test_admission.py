"""The webhook as Helm renders it: harmless when nobody answers, trusted by its own certificate, gone when switched off."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from charts import CHART, Manifest, environment, of_kind, render
from localcluster.build.programs import Programs
from modelmatrix.kopf_handlers import ADMITTED, HANDLER_ID
from modelmatrix.settings import Settings

pytestmark = pytest.mark.cluster


def webhook_of(manifests: list[Manifest]) -> Manifest:
    """The one webhook."""
    (configuration,) = of_kind(manifests, "ValidatingWebhookConfiguration")
    (webhook,) = configuration["webhooks"]
    found: Manifest = webhook
    return found


def pem(text: str) -> x509.Certificate:
    """A certificate from the data of a Secret."""
    return x509.load_pem_x509_certificate(base64.b64decode(text))


def test_it_can_only_warn_and_only_of_what_changes_a_spec(programs: Programs) -> None:
    webhook = webhook_of(render(programs))
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["sideEffects"]) == ("Ignore", 3, "None")
    assert webhook["matchPolicy"] == "Equivalent"
    (rule,) = webhook["rules"]
    assert {(*rule["apiGroups"], *rule["apiVersions"], plural) for plural in rule["resources"]} == {
        (kind.group, kind.version, kind.plural) for kind in ADMITTED
    }
    assert rule["operations"] == ["CREATE", "UPDATE"]
    assert "namespaceSelector" not in webhook
    assert webhook["matchConditions"][0]["expression"] == "oldObject == null || object.spec != oldObject.spec"


def test_it_leads_to_the_port_that_the_operator_serves(programs: Programs) -> None:
    manifests = render(programs, "admission.port=8443")
    (deployment,), (service,) = of_kind(manifests, "Deployment"), of_kind(manifests, "Service")
    target = webhook_of(manifests)["clientConfig"]["service"]
    assert target == {"name": "modelmatrix", "namespace": "modelmatrix-system", "path": f"/{HANDLER_ID}", "port": 443}
    assert service["metadata"]["name"] == target["name"]
    assert {"name": "admission", "port": 443, "targetPort": "admission", "protocol": "TCP"} in service["spec"]["ports"]
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert {"name": "admission", "containerPort": 8443, "protocol": "TCP"} in ports
    assert environment(manifests)["MODELMATRIX_ADMISSION_ADDRESS"] == ":8443"


def test_the_certificate_is_for_the_service_and_signed_by_the_authority_that_is_trusted(programs: Programs) -> None:
    manifests = render(programs)
    (secret,) = of_kind(manifests, "Secret")
    own, authority = pem(secret["data"]["tls.crt"]), pem(secret["data"]["ca.crt"])
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["modelmatrix.modelmatrix-system.svc"]
    own.verify_directly_issued_by(authority)
    assert webhook_of(manifests)["clientConfig"]["caBundle"] == secret["data"]["ca.crt"]
    assert own.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1090)


def test_the_operator_finds_it_where_it_looks_by_default(programs: Programs) -> None:
    manifests = render(programs)
    (secret,), (deployment,) = of_kind(manifests, "Secret"), of_kind(manifests, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert pod["volumes"] == [{"name": "admission", "secret": {"secretName": secret["metadata"]["name"], "optional": True}}], (
        "an operator must start without it"
    )
    assert mount["readOnly"] is True
    variables = environment(manifests)
    fields = Settings.model_fields
    for name, file in (("certificate", "tls.crt"), ("key", "tls.key")):
        path = variables[f"MODELMATRIX_ADMISSION_{name.upper()}_FILE"]
        assert path == f"{mount['mountPath']}/{file}" == fields[f"admission_{name}_file"].default
        assert file in secret["data"]


def test_an_operator_outside_the_cluster_is_reached_by_its_url(programs: Programs) -> None:
    manifests = render(programs, "admission.url=https://127.0.0.1:9443/")
    (secret,) = of_kind(manifests, "Secret")
    client = webhook_of(manifests)["clientConfig"]
    assert client == {"url": f"https://127.0.0.1:9443/{HANDLER_ID}", "caBundle": secret["data"]["ca.crt"]}
    names = pem(secret["data"]["tls.crt"]).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]


def test_cert_manager_makes_the_certificate_and_injects_the_authority(programs: Programs) -> None:
    manifests = render(programs, "admission.certManager.enabled=true")
    (certificate,), (issuer,) = of_kind(manifests, "Certificate"), of_kind(manifests, "Issuer")
    (configuration,) = of_kind(manifests, "ValidatingWebhookConfiguration")
    assert certificate["spec"]["dnsNames"] == ["modelmatrix.modelmatrix-system.svc"]
    assert certificate["spec"]["issuerRef"] == {"kind": "Issuer", "name": issuer["metadata"]["name"]}
    injected = configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert injected == f"modelmatrix-system/{certificate['metadata']['name']}"
    assert "caBundle" not in webhook_of(manifests)["clientConfig"]
    assert of_kind(manifests, "Secret") == []


def test_cert_manager_may_have_an_issuer_of_the_bank(programs: Programs) -> None:
    values = ("admission.certManager.enabled=true", "admission.certManager.issuerRef.kind=ClusterIssuer")
    manifests = render(programs, *values, "admission.certManager.issuerRef.name=bank")
    (certificate,) = of_kind(manifests, "Certificate")
    assert certificate["spec"]["issuerRef"] == {"kind": "ClusterIssuer", "name": "bank"}
    assert of_kind(manifests, "Issuer") == []


def test_a_certificate_may_be_given(programs: Programs) -> None:
    manifests = render(programs, "admission.existingSecret=webhook", "admission.caBundle=PEM")
    (deployment,) = of_kind(manifests, "Deployment")
    assert of_kind(manifests, "Secret") == []
    assert deployment["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == "webhook"
    assert base64.b64decode(webhook_of(manifests)["clientConfig"]["caBundle"]) == b"PEM"


@pytest.mark.parametrize("mode", ["Off", False])
def test_off_leaves_nothing_of_it(programs: Programs, tmp_path: Path, mode: Any) -> None:
    """Off without quotes is false in YAML."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"admission": {"mode": mode}}), encoding="utf-8")
    others = "crds.install=false,policies.operator.enabled=false,policies.priorityClasses.enabled=false"
    text = programs.run("helm", "template", "modelmatrix", str(CHART), "--values", str(values), "--set", others)
    assert "admission" not in text.lower()
    assert "ValidatingWebhookConfiguration" not in text


def test_no_role_of_the_operator_knows_webhooks_or_secrets(programs: Programs) -> None:
    roles = [item for kind in ("ClusterRole", "Role") for item in of_kind(render(programs), kind)]
    resources = {resource for role in roles for rule in role["rules"] for resource in rule["resources"]}
    assert not resources & {"secrets", "validatingwebhookconfigurations", "mutatingwebhookconfigurations"}

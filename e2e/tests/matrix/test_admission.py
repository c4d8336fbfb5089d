"""The real API server calls the webhook of the chart: warnings in the second of the apply, and no harm when it is away."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import base64
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from localcluster import LocalClusterError
from localcluster.cluster import Cluster
from localcluster.testing import eventually
from playground import installation
from playground.installation import CHART, NAMESPACE, RELEASE, operator_names
from playground.nodes_and_pools import Manifest, warnings_of_apply
from playground.testing import RESOURCE, ModelNamespace, NodePool

pytestmark = pytest.mark.cluster

NO_FP8 = "910b-64g cannot run FP8 weights with vLLM-Ascend: 910B has no FP8; use W8A8: a ModelSlim W8A8 artifact of the model"
SECOND = "second-modelmatrix"
WEBHOOKS = "validatingwebhookconfigurations"
WAIT_SECONDS = 3.0  # timeoutSeconds of the chart


def manifest(bed: ModelNamespace, name: str, *pools: str, **spec: Any) -> Manifest:
    """A ModelDeployment as a person would write it."""
    whole = {
        "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"},
        "quantization": "W8A8",
        "pools": [{"name": pool} for pool in pools],
        "maxModelLen": 8192,
        **spec,
    }
    return {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": bed.name},
        "spec": whole,
    }


def reviews(cluster: Cluster) -> float:
    """How many reviews both operators have given so far."""
    total = 0.0
    for name in operator_names(cluster):
        url = cluster.state.processes[name].ready_url
        assert url is not None
        with urllib.request.urlopen(url.replace("readyz", "metrics")) as answer:  # noqa: S310 - our own process
            text = answer.read().decode()
        found = re.findall(r"^modelmatrix_admission_duration_seconds_count\{.*\} ([\d.]+)$", text, re.MULTILINE)
        total += sum(map(float, found))
    return total


def test_what_no_pool_can_run_is_warned_of_and_stored(bed: ModelNamespace, estate: NodePool) -> None:
    warnings = warnings_of_apply(bed.cluster, [manifest(bed, "chat", estate.pool, quantization="FP8")])
    assert warnings == [f"{estate.pool}: {NO_FP8}"]
    bed.wait_refused("chat", "QuantizationUnsupported", NO_FP8)


def test_what_fits_gives_no_warning_and_a_dry_run_gives_the_same(bed: ModelNamespace, estate: NodePool) -> None:
    fits, wrong = manifest(bed, "chat", estate.pool), manifest(bed, "chat", estate.pool, quantization="FP8")
    assert warnings_of_apply(bed.cluster, [fits]) == []
    assert warnings_of_apply(bed.cluster, [wrong], "--dry-run=server") == [f"{estate.pool}: {NO_FP8}"]
    assert bed.get(RESOURCE, "chat")["spec"]["quantization"] == "W8A8"


def test_who_would_give_way_is_named(bed: ModelNamespace, estate: NodePool) -> None:
    half = [{"name": estate.pool, "parallelism": {"tensor": 4}}]
    bed.deploy("low", pools=half, replicas=2, priority="P3")
    bed.wait_ready("low", 2)
    high = manifest(bed, "high", pools=[{"name": estate.pool, "parallelism": {"tensor": 8}}], priority="P0")
    warned = [f"would displace 2 replicas of {bed.name}/low"]
    assert warnings_of_apply(bed.cluster, [high], "--dry-run=server") == warned
    equal = manifest(bed, "equal", pools=half, priority="P3")
    assert not any("displace" in warning for warning in warnings_of_apply(bed.cluster, [equal], "--dry-run=server"))
    assert warnings_of_apply(bed.cluster, [high]) == warned
    bed.wait_ready("high", 1)


def test_a_pool_and_its_deployment_in_one_apply_give_no_false_warning(bed: ModelNamespace, estate: NodePool) -> None:
    spec = json.loads(bed.cluster.kubectl("get", "acceleratorpools.modelmatrix.io", estate.pool, "-o", "json"))["spec"]
    bed.cluster.kubectl("delete", "acceleratorpools.modelmatrix.io", estate.pool)
    pool = {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": estate.pool},
        "spec": spec,
    }
    assert warnings_of_apply(bed.cluster, [pool, manifest(bed, "chat", estate.pool)]) == []


def test_a_pool_that_strands_a_deployment_says_so(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    pool = json.loads(bed.cluster.kubectl("get", "acceleratorpools.modelmatrix.io", estate.pool, "-o", "json"))
    pool = {key: pool[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": estate.pool}}
    pool["spec"] |= {"accelerator": "910z"}
    warnings = warnings_of_apply(bed.cluster, [pool], "--dry-run=server")
    assert any(warning.startswith("accelerator '910z' is unknown") for warning in warnings)
    assert any(warning.startswith(f"{bed.name}/chat could run on none of its pools any more") for warning in warnings)


def test_what_leaves_the_spec_is_not_reviewed(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    before = reviews(bed.cluster)
    bed.kubectl("annotate", RESOURCE, "chat", "touched=yes")
    bed.kubectl("label", RESOURCE, "chat", "team=ai")
    bed.kubectl("scale", f"{RESOURCE}/chat", "--replicas=2")
    bed.wait_ready("chat", 2)
    bed.kubectl("delete", RESOURCE, "chat")
    assert reviews(bed.cluster) == before


def test_without_an_operator_an_apply_works_and_says_nothing(bed: ModelNamespace, estate: NodePool) -> None:
    names = operator_names(bed.cluster)
    for name in names:
        bed.cluster.stop_process(name)
    try:
        started = time.monotonic()
        assert warnings_of_apply(bed.cluster, [manifest(bed, "chat", estate.pool, quantization="FP8")]) == []
        assert time.monotonic() - started < WAIT_SECONDS + 1
    finally:
        for name in names:
            bed.cluster.start_process(name)
    wrong = manifest(bed, "other", estate.pool, quantization="FP8")
    eventually(lambda: _warns(bed, wrong))


def test_when_one_operator_dies_the_other_answers(bed: ModelNamespace, estate: NodePool) -> None:
    wrong = manifest(bed, "chat", estate.pool, quantization="FP8")
    for name in operator_names(bed.cluster):
        bed.cluster.kill_process(name)
        try:
            eventually(lambda: _warns(bed, wrong), timeout_seconds=10)
        finally:
            bed.cluster.start_process(name)


def _warns(bed: ModelNamespace, proposed: Manifest) -> None:
    assert warnings_of_apply(bed.cluster, [proposed], "--dry-run=server")


def test_deny_mode_refuses_what_can_never_run_and_nothing_else(bed: ModelNamespace, estate: NodePool) -> None:
    with denying(bed.cluster):
        with pytest.raises(LocalClusterError, match=re.escape(f"denied the request: {estate.pool}: {NO_FP8}")):
            warnings_of_apply(bed.cluster, [manifest(bed, "never", estate.pool, quantization="FP8")])
        (later,) = warnings_of_apply(bed.cluster, [manifest(bed, "later", "no-such-pool")])
        assert "'no-such-pool' does not exist" in later
        short = warnings_of_apply(bed.cluster, [manifest(bed, "short", estate.pool, replicas=50)])
        assert "replicas find no devices now and wait for them" in short[0]
    stored = {item["metadata"]["name"] for item in bed.get(RESOURCE)["items"]}
    assert stored == {"later", "short"}


@contextmanager
def denying(cluster: Cluster) -> Iterator[None]:
    """Both operators in Deny mode, as an upgrade of the chart would start them."""
    _restart(cluster, "admission.mode=Deny")
    try:
        yield
    finally:
        _restart(cluster)


def _restart(cluster: Cluster, *values: str) -> None:
    installation.upgrade(cluster, *values)
    for name in operator_names(cluster):
        cluster.stop_process(name)
    installation.start_operators(cluster)


@pytest.fixture
def second(cluster: Cluster) -> Iterator[str]:
    """A second release of the chart, without what the first one has for the whole cluster."""
    yield SECOND
    _uninstall(cluster)


def _install(cluster: Cluster, *values: str) -> dict[str, Any]:
    """Install or upgrade the second release; its Secret."""
    without = (
        "crds.install=false",
        "priorityClasses.install=false",
        "rbac.aggregate=false",
        "admission.url=https://127.0.0.1:1",
    )
    flags = [flag for value in (*without, *values) for flag in ("--set", value)]
    cluster.helm("upgrade", "--install", SECOND, str(CHART), "--namespace", NAMESPACE, *flags)
    found: dict[str, Any] = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "secret", f"{SECOND}-admission", "-o", "json"))
    return found


def _uninstall(cluster: Cluster) -> None:
    cluster.helm("uninstall", SECOND, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")


def test_the_certificate_is_kept_over_upgrades_and_renewed_before_its_end(cluster: Cluster, second: str) -> None:
    old = _install(cluster, "admission.certificateDays=59")
    new = _install(cluster)
    assert new["data"]["tls.crt"] != old["data"]["tls.crt"], "60 days before its end a certificate is replaced"
    both = _decoded(new["data"]["ca.crt"]) + _decoded(old["data"]["ca.crt"])
    assert _trusted(cluster, second) == both, "pods serve the old one for a minute or two"
    assert _install(cluster, "replicas=3")["data"] == new["data"]
    assert _trusted(cluster, second) == _decoded(new["data"]["ca.crt"])


def _trusted(cluster: Cluster, name: str) -> str:
    (webhook,) = json.loads(cluster.kubectl("get", WEBHOOKS, name, "-o", "json"))["webhooks"]
    return _decoded(webhook["clientConfig"]["caBundle"])


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def test_an_uninstalled_chart_leaves_no_webhook(cluster: Cluster, second: str) -> None:
    _install(cluster)
    assert cluster.kubectl("get", WEBHOOKS, "-o", "name").count(second) == 1
    _uninstall(cluster)
    left = [item["metadata"]["name"] for item in json.loads(cluster.kubectl("get", WEBHOOKS, "-o", "json"))["items"]]
    assert second not in left
    assert RELEASE in left

"""Whole manifests of every engine on every vendor, as golden files, and what must be true of all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelmatrix.catalogue.loader import builtin
from rendered import CASES, Case, leader, manifests, pods, workload

Manifest = dict[str, Any]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_case
def test_golden(case: Case, golden: Any) -> None:
    golden(f"rendering/{case.name}", workload(case))


def test_golden_service(golden: Any) -> None:
    golden("rendering/service", next(item for item in manifests(CASES[0]) if item["kind"] == "Service"))


def test_every_engine_is_rendered_on_every_vendor_that_it_runs_on() -> None:
    rendered = {(_engine(case), builtin().accelerators[case.chip].vendor) for case in CASES}
    for engine in builtin().engines.values():
        for vendor in engine.vendors:
            assert (engine.name, vendor) in rendered


def test_every_engine_for_groups_is_rendered_as_one() -> None:
    grouped = {_engine(case) for case in CASES if workload(case)["kind"] == "LeaderWorkerSet"}
    assert {engine.name for engine in builtin().engines.values() if engine.multi_node} == grouped


def test_every_soc_of_ascend_is_rendered() -> None:
    families = {builtin().accelerators[case.chip].family for case in CASES}
    assert {"ascend-910b", "ascend-a3", "ascend-310p", "ascend-950"} <= families


def _engine(case: Case) -> str:
    name: str = workload(case)["metadata"]["labels"]["modelmatrix.io/engine"]
    return name


def _containers(manifest: Manifest) -> Iterator[Manifest]:
    for pod in pods(manifest):
        yield from pod["spec"].get("initContainers", [])
        yield from pod["spec"]["containers"]


@every_case
def test_pods_pass_pod_security_restricted_unless_the_pool_relaxes_it(case: Case) -> None:
    for pod in pods(workload(case)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostPID", "hostIPC"} & set(spec)
        if "driver" not in case.pool:
            kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
            assert kinds <= {"emptyDir", "persistentVolumeClaim", "image", "downwardAPI"}
        if "hostNetwork" not in case.pool:
            assert "hostNetwork" not in spec
    for container in _containers(workload(case)):
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert not any("hostPort" in port for port in container.get("ports", []))


@every_case
def test_pods_do_not_read_the_environment_of_other_services(case: Case) -> None:
    for pod in pods(workload(case)):
        assert pod["spec"]["enableServiceLinks"] is False
        assert pod["spec"]["automountServiceAccountToken"] is False


@every_case
def test_engines_have_a_home_and_caches_that_they_may_write(case: Case) -> None:
    for pod in pods(workload(case)):
        container = pod["spec"]["containers"][0]
        environment = {item["name"]: item.get("value") for item in container["env"]}
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert {"HOME", "USER", "XDG_CACHE_HOME", "HF_HOME"} <= set(environment)
        assert all(str(environment[name]).startswith("/cache") for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME"))
        assert writable == {"/cache", "/dev/shm"}  # noqa: S108 - the path that collectives use


@every_case
def test_every_volume_is_mounted_and_every_mount_has_a_volume(case: Case) -> None:
    for pod in pods(workload(case)):
        spec = pod["spec"]
        volumes = [volume["name"] for volume in spec["volumes"]]
        mounts = [mount["name"] for mount in spec["containers"][0]["volumeMounts"]]
        assert sorted(set(volumes)) == sorted(volumes) == sorted(mounts)
        paths = [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]]
        assert sorted(set(paths)) == sorted(paths)


@every_case
def test_devices_are_requested_as_limits_on_every_pod_of_a_replica(case: Case) -> None:
    manifest, chip = workload(case), builtin().accelerators[case.chip]
    for pod in pods(manifest):
        resources = pod["spec"]["containers"][0]["resources"]
        assert resources["limits"].items() <= resources["requests"].items()
        (resource,) = resources["limits"]
        assert resource == chip.resources[0]
        if manifest["kind"] == "LeaderWorkerSet":
            assert int(resources["limits"][resource]) == chip.devices_per_node


@every_case
def test_only_the_leader_serves_and_is_probed(case: Case) -> None:
    first, *others = [pod["spec"]["containers"][0] for pod in pods(workload(case))]
    engine = builtin().engine(_engine(case))
    assert {"startupProbe", "readinessProbe", "livenessProbe", "ports", "lifecycle"} <= set(first)
    if engine is not None:
        ports = {port["containerPort"] for port in first["ports"]}
        assert {engine.port, engine.metrics_port} == ports
        keyless = "apiKey" in case.spec and engine.api_key is not None and engine.api_key.guards_probe
        request = first["readinessProbe"]["tcpSocket" if keyless else "httpGet"]
        assert (request["port"], request.get("path")) == (engine.probe.port, None if keyless else engine.probe.path)
    for container in others:
        assert not {"startupProbe", "readinessProbe", "livenessProbe", "ports", "lifecycle"} & set(container)


@every_case
def test_the_startup_probe_leaves_time_for_more_than_one_start(case: Case) -> None:
    """The kubelet counts failures over restarts of the container: one start's worth would kill the second at once."""
    probe = leader(workload(case))["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] >= 2 * 90


@every_case
def test_there_is_time_to_drain(case: Case) -> None:
    engine = builtin().engine(_engine(case))
    drain = engine.drain.seconds if engine else 120
    for pod in pods(workload(case)):
        sleep = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["spec"]["terminationGracePeriodSeconds"] > sleep + drain


@every_case
def test_labels_are_valid_and_select_one_pod_a_replica(case: Case) -> None:
    roles = [pod["metadata"]["labels"]["modelmatrix.io/role"] for pod in pods(workload(case))]
    assert roles == (["leader", "worker"] if len(roles) > 1 else ["leader"])
    for pod in pods(workload(case)):
        for value in pod["metadata"]["labels"].values():
            assert 0 < len(value) <= 63
            assert value[0].isalnum()
            assert value[-1].isalnum()


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("mindie")], ids=lambda case: case.name)
def test_mindie_reads_a_configuration_of_its_own_form(case: Case) -> None:
    for pod in pods(workload(case)):
        text = pod["metadata"]["annotations"]["modelmatrix.io/engine-configuration"]
        content = json.loads(text)
        backend = content["BackendConfig"]
        devices = builtin().accelerators[case.chip].devices_per_node if case.nodes > 1 else len(backend["npuDeviceIds"][0])
        assert backend["npuDeviceIds"] == [list(range(devices))]
        assert backend["multiNodesInferEnabled"] is (case.nodes > 1)
        assert backend["ModelDeployConfig"]["ModelConfig"][0]["worldSize"] == devices * case.nodes
        assert content["ServerConfig"]["httpsEnabled"] is False


def test_a_groups_environment_is_that_of_its_network() -> None:
    """Pods without the host's network talk over eth0; with it the engine finds the interface itself."""
    for case in CASES:
        manifest = workload(case)
        if manifest["kind"] != "LeaderWorkerSet" or _engine(case) == "MindIE":
            continue
        names = {item["name"] for item in leader(manifest)["env"]}
        assert ("GLOO_SOCKET_IFNAME" in names) is ("hostNetwork" not in case.pool)
        if builtin().accelerators[case.chip].vendor == "huawei":
            assert {"HCCL_IF_IP", "HCCL_IF_BASE_PORT"} <= names
        for pod in pods(manifest):
            assert pod["spec"].get("dnsPolicy") == ("ClusterFirstWithHostNet" if "hostNetwork" in case.pool else None)


@every_case
def test_kubernetes_deletes_every_object_with_its_deployment(case: Case) -> None:
    """Deletion works while the operator is away: an owner reference on each object, and no finalizer."""
    for manifest in manifests(case):
        (owner,) = manifest["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("ModelDeployment", "assistant", True)
        assert owner["uid"]
        assert "finalizers" not in manifest["metadata"]

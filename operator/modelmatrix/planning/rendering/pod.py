"""The pod of an engine: one container under Pod Security ``restricted``, its weights, caches and probes."""

from __future__ import annotations

import json

from modelmatrix.api import names
from modelmatrix.api.names import ROLE_LEADER
from modelmatrix.catalogue.engines import Engine
from modelmatrix.planning.inventory.pod_compute import CPU_CORES_PER_DEVICE, MEMORY_GIBIBYTES_PER_DEVICE
from modelmatrix.planning.rendering.api_key import api_key_variables, probe_request
from modelmatrix.planning.rendering.arguments import arguments
from modelmatrix.planning.rendering.host_mounts import host_mounts, host_paths, host_volumes
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.scheduling import scheduling
from modelmatrix.planning.rendering.security import container_security, pod_security
from modelmatrix.planning.rendering.template_variables import CACHE_PATH, MODELS_PATH, substitute, substitute_tree, variables
from modelmatrix.planning.rendering.weights import has_volume, init_containers, weights_volume
from modelmatrix.planning.rendering.workload_target import WorkloadTarget

CONFIGURATION_ANNOTATION = "modelmatrix.io/engine-configuration"
PRE_STOP_SECONDS = 10  # time for endpoints to drop the pod before the engine gets its signal
GRACE_MARGIN_SECONDS = 20
PROBE_PERIOD_SECONDS = 10
STARTS_PER_STARTUP_PROBE = 3  # the kubelet counts failures over a container's own restarts


def pod_annotations(target: WorkloadTarget, role: str) -> dict[str, str]:
    """Annotations of the pod: what it runs, and the engine's configuration file if it reads one."""
    engine, parallelism = target.engine, target.layout.parallelism
    annotations = {
        names.ANNOTATION_MODEL: target.model.name,
        names.ANNOTATION_ACCELERATOR: target.accelerator.id,
        names.ANNOTATION_PARALLELISM: f"{parallelism.tensor},{parallelism.pipeline},{parallelism.data},{parallelism.expert}",
    }
    if engine.configuration is not None:
        values = variables(target, role)
        content = substitute_tree(engine.configuration.content, values)
        annotations[CONFIGURATION_ANNOTATION] = json.dumps(content, sort_keys=True, indent=1)
    return annotations


def pod_spec(target: WorkloadTarget, role: str) -> Manifest:
    """The pod's spec for a role: ``leader`` serves, ``worker`` only computes.

    Workers have nothing to drain: their StatefulSet is collected when the leader's pod is gone, not before.
    """
    pool, engine, multi_node = target.pool_spec, target.engine, target.layout.nodes > 1
    host_network = pool.host_network and multi_node
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a Service named vllm would set VLLM_PORT, which vLLM takes for its own
        **scheduling(target),
        "securityContext": pod_security(target),
        "terminationGracePeriodSeconds": PRE_STOP_SECONDS + engine.drain.seconds + GRACE_MARGIN_SECONDS,
        "containers": [_container(target, role)],
        "volumes": [*_volumes(target, engine), *host_volumes(host_paths(target))],
    }
    optional = {
        "runtimeClassName": pool.runtime_class_name,
        "hostNetwork": host_network or None,
        "dnsPolicy": "ClusterFirstWithHostNet" if host_network else None,
        "initContainers": init_containers(target) or None,
    }
    return spec | {key: value for key, value in optional.items() if value is not None}


def _container(target: WorkloadTarget, role: str) -> Manifest:
    engine, values = target.engine, variables(target, role)
    container: Manifest = {
        "name": "engine",
        "image": target.image,
        "args": arguments(engine, target.image, values),
        "env": _environment(engine, values),
        "resources": _resources(target),
        "securityContext": container_security(),
        "volumeMounts": [*_mounts(target, engine), *host_mounts(host_paths(target))],
        "command": list(engine.command),
    }
    if target.secret_name:
        container["envFrom"] = [{"secretRef": {"name": target.secret_name}}]
    if role == ROLE_LEADER:
        container["env"] += api_key_variables(target)
        container["ports"] = _ports(engine)
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}}
        container |= _probes(target)
    return container


def _environment(engine: Engine, values: dict[str, str]) -> list[Manifest]:
    common = [
        {"name": "HOME", "value": f"{CACHE_PATH}/home"},
        {"name": "USER", "value": "engine"},  # libraries ask for the name of a user that the image does not know
        {"name": "XDG_CACHE_HOME", "value": CACHE_PATH},
        {"name": "HF_HOME", "value": f"{CACHE_PATH}/huggingface"},
    ]
    of_engine = [
        {"name": variable.name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": variable.field}}}
        if variable.field
        else {"name": variable.name, "value": substitute(variable.value, values)}
        for variable in engine.environment
        if variable.when.holds(values)
    ]
    return [*common, *of_engine]


def _resources(target: WorkloadTarget) -> Manifest:
    devices = target.layout.devices_per_node
    resource = target.pool_spec.resource_name
    return {
        "requests": {
            "cpu": str(CPU_CORES_PER_DEVICE * devices),
            "memory": f"{MEMORY_GIBIBYTES_PER_DEVICE * devices}Gi",
            resource: str(devices),
        },
        "limits": {resource: str(devices)},
    }


def _ports(engine: Engine) -> list[Manifest]:
    ports = [{"name": "http", "containerPort": engine.port, "protocol": "TCP"}]
    if engine.metrics_port != engine.port:
        ports.append({"name": "metrics", "containerPort": engine.metrics_port, "protocol": "TCP"})
    return ports


def _probes(target: WorkloadTarget) -> Manifest:
    request = probe_request(target)
    failures = int(STARTS_PER_STARTUP_PROBE * target.start_seconds / PROBE_PERIOD_SECONDS) + 1
    common = {"periodSeconds": PROBE_PERIOD_SECONDS, "timeoutSeconds": 5, "successThreshold": 1}
    return {
        "startupProbe": {**request, **common, "failureThreshold": failures},
        "readinessProbe": {**request, **common, "failureThreshold": 3},
        "livenessProbe": {**request, **common, "failureThreshold": 6},
    }


def _mounts(target: WorkloadTarget, engine: Engine) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "cache", "mountPath": CACHE_PATH},
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - the path that collectives use
    ]
    if has_volume(target):
        mounts.append({"name": "weights", "mountPath": MODELS_PATH, "readOnly": True})
    if engine.configuration is not None:
        folder = engine.configuration.path.rpartition("/")[0]
        mounts.append({"name": "configuration", "mountPath": folder, "readOnly": True})
    return mounts


def _volumes(target: WorkloadTarget, engine: Engine) -> list[Manifest]:
    volumes: list[Manifest] = [
        {"name": "cache", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{engine.shared_memory_gibibytes}Gi"}},
    ]
    if has_volume(target):
        volumes.append({"name": "weights", **weights_volume(target)})
    if engine.configuration is not None:
        name = engine.configuration.path.rpartition("/")[2]
        field = {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{CONFIGURATION_ANNOTATION}']"}
        volumes.append({"name": "configuration", "downwardAPI": {"items": [{"path": name, "fieldRef": field}]}})
    return volumes

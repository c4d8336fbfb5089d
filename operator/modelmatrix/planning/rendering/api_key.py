"""The API key that clients of an engine must send: a variable from a Secret, and probes that need no key."""

from __future__ import annotations

from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import WorkloadTarget


def api_key_variables(target: WorkloadTarget) -> list[Manifest]:
    """The variable of the container that serves; none without a key. The kubelet reads the Secret."""
    key, engine = target.api_key, target.engine
    if key is None or engine.api_key is None:
        return []
    reference = {"name": key.secret_name, "key": key.key}
    return [{"name": engine.api_key.variable, "valueFrom": {"secretKeyRef": reference}}]


def probe_request(target: WorkloadTarget) -> Manifest:
    """What a probe asks: the health page, or only a connection where that page wants the key, which no probe can hold."""
    engine, probe = target.engine, target.engine.probe
    if target.api_key is not None and engine.api_key is not None and engine.api_key.guards_probe:
        return {"tcpSocket": {"port": probe.port}}
    return {"httpGet": {"path": probe.path, "port": probe.port, "scheme": probe.scheme}}

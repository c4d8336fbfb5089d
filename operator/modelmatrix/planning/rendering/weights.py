"""Where the weights come from: an existing volume, a copy that an init container makes, or the engine's own download."""

from __future__ import annotations

from modelmatrix.api.weights_source import Scheme
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.security import container_security
from modelmatrix.planning.rendering.template_variables import MODELS_PATH
from modelmatrix.planning.rendering.workload_target import WorkloadTarget


def has_volume(target: WorkloadTarget) -> bool:
    """Whether the weights are on a volume; engines fetch those of a hub themselves."""
    return target.source.scheme not in (Scheme.HUGGING_FACE, Scheme.MODELSCOPE)


def weights_volume(target: WorkloadTarget) -> Manifest:
    """The source of the volume: a claim, an image, or room for a copy."""
    source = target.source
    if source.scheme is Scheme.PVC:
        return {"persistentVolumeClaim": {"claimName": source.claim, "readOnly": True}}
    if source.scheme is Scheme.OCI:
        separator = "@" if ":" in source.revision else ":"
        reference = f"{source.location}{separator}{source.revision}" if source.revision else source.location
        return {"image": {"reference": reference, "pullPolicy": "IfNotPresent"}}
    return {"emptyDir": {}}


def init_containers(target: WorkloadTarget) -> list[Manifest]:
    """Object stores are copied before the engine starts; the other sources are mounted or read by the engine."""
    source = target.source
    if source.scheme not in (Scheme.S3, Scheme.OBS):
        return []
    container: Manifest = {
        "name": "weights",
        "image": target.weights_image,
        "args": ["copy", f":s3:{source.location}", MODELS_PATH, "--transfers=8", "--checkers=16", "--stats=30s"],
        "env": [
            {"name": "HOME", "value": MODELS_PATH},
            {"name": "RCLONE_S3_PROVIDER", "value": "HuaweiOBS" if source.scheme is Scheme.OBS else "Other"},
            {"name": "RCLONE_S3_ENV_AUTH", "value": "true"},
        ],
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "weights", "mountPath": MODELS_PATH}],
    }
    if target.secret_name:
        container["envFrom"] = [{"secretRef": {"name": target.secret_name}}]
    return [container]

"""The part of a workload that decides over new pods, and the fields of it that need none. Pure.

A controller replaces every pod as soon as a field of the pod template changes, whatever the field. Some fields are words about
a pod (who pays, how important it is) or matter only until it has a node (tolerations). A change of those alone must not restart
a model: the stored values stay while the rest of the template is equal, and a rollout for another reason brings the new
ones. So a template is compared without these fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest

ROLLING_FIELDS = ("template", "leaderWorkerTemplate", "networkConfig")
_GROUP_TEMPLATES = ("leaderTemplate", "workerTemplate")
_SOFT_LABELS = {names.LABEL_TENANT: "tenant", names.LABEL_COST_CENTER: "cost center"}
_SOFT_FIELDS = {"priorityClassName": "priority class", "tolerations": "tolerations"}


def rolling_part(manifest: Mapping[str, Any]) -> Manifest:
    """The fields of a workload's spec whose change replaces its pods."""
    spec = manifest.get("spec", {})
    return {name: spec[name] for name in ROLLING_FIELDS if name in spec}


def pod_templates(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The pod templates of a rolling part, the serving pod's first."""
    if "template" in part:
        yield part["template"]
    groups = part.get("leaderWorkerTemplate", {})
    yield from (groups[name] for name in _GROUP_TEMPLATES if name in groups)


def engine_image(part: Mapping[str, Any]) -> str:
    """The image of the serving pod's engine; empty for a part without containers."""
    containers = next((template.get("spec", {}).get("containers") for template in pod_templates(part)), None)
    return str(containers[0].get("image", "")) if containers else ""


def without_soft_fields(part: Mapping[str, Any]) -> Manifest:
    """A rolling part without the fields that need no new pod."""
    return with_soft_fields_of(part, {})


def with_soft_fields_of(part: Mapping[str, Any], stored: Mapping[str, Any]) -> Manifest:
    """A rolling part whose fields that need no new pod are those of a stored one."""
    merged = dict(part)
    if "template" in part:
        merged["template"] = _merged(part["template"], stored.get("template", {}))
    if "leaderWorkerTemplate" in part:
        groups, others = part["leaderWorkerTemplate"], stored.get("leaderWorkerTemplate", {})
        own = {name: _merged(groups[name], others.get(name, {})) for name in _GROUP_TEMPLATES if name in groups}
        merged["leaderWorkerTemplate"] = {**groups, **own}
    return merged


def waiting_fields(part: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the fields that need no new pod differs from the stored part, in words."""
    wanted, there = next(pod_templates(part), {}), next(pod_templates(stored), {})
    fields = [words for name, words in _SOFT_FIELDS.items() if _field(wanted, name) != _field(there, name)]
    labels = [words for name, words in _SOFT_LABELS.items() if _labels(wanted).get(name) != _labels(there).get(name)]
    return (*fields, *labels)


def _merged(template: Mapping[str, Any], stored: Mapping[str, Any]) -> Manifest:
    labels = {name: value for name, value in _labels(template).items() if name not in _SOFT_LABELS}
    labels |= {name: value for name, value in _labels(stored).items() if name in _SOFT_LABELS}
    spec = {name: value for name, value in template.get("spec", {}).items() if name not in _SOFT_FIELDS}
    spec |= {name: value for name, value in stored.get("spec", {}).items() if name in _SOFT_FIELDS}
    return {**template, "metadata": {**template.get("metadata", {}), "labels": labels}, "spec": spec}


def _labels(template: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = template.get("metadata", {}).get("labels") or {}
    return labels


def _field(template: Mapping[str, Any], name: str) -> Any:
    return template.get("spec", {}).get(name) or None

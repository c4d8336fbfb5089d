"""What a workload remembers of its templates, in annotations: the one that served last, and the one that failed. Pure.

While a rollout is on, the workload holds the template that served before it, as the API server stores it. Applied again, it is
the very template of the old pods. After a rollback the workload holds the digest of the template that was taken back: it is not
tried again until the desired template is another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.pod_templates import rolling_part
from modelmatrix.planning.snapshot.views import WorkloadView

MESSAGE_MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class ServedTemplate:
    """The template that served when the rollout began, ``since_seconds`` since the epoch."""

    digest: str
    spec_digest: str
    part: Manifest
    since_seconds: float


@dataclass(frozen=True, slots=True)
class FailedTemplate:
    """The digest of a template that did not serve, what had changed it (``rollout.Cause``), and the words of what failed."""

    digest: str
    cause: tuple[str, ...]
    message: str


def stored_annotations(workload: WorkloadView) -> dict[str, str]:
    """All annotations of a stored workload."""
    return dict(workload.manifest.get("metadata", {}).get("annotations") or {})


def served_template(workload: WorkloadView) -> ServedTemplate | None:
    """The template to which a rollout can go back; ``None`` when no rollout is on."""
    content = _content(workload, names.ANNOTATION_SERVED)
    try:
        return ServedTemplate(str(content["digest"]), str(content["spec"]), dict(content["template"]), float(content["since"]))
    except (KeyError, TypeError, ValueError):
        return None


def failed_template(workload: WorkloadView) -> FailedTemplate | None:
    """The template that was taken back; ``None`` without one."""
    content = _content(workload, names.ANNOTATION_FAILED)
    try:
        return FailedTemplate(str(content["digest"]), tuple(content["cause"]), str(content["message"]))
    except (KeyError, TypeError):
        return None


def remember_served(workload: WorkloadView, now_seconds: float) -> str:
    """The annotation for a rollout that begins now: the stored template, which serves."""
    stored = workload.template_digest or workload.digest
    return remember_again(ServedTemplate(stored, workload.spec_digest, rolling_part(workload.manifest), 0), now_seconds)


def remember_again(served: ServedTemplate, now_seconds: float) -> str:
    """The annotation for a rollout that begins now, before the last one has served: what served before that."""
    content = {"digest": served.digest, "spec": served.spec_digest, "since": int(now_seconds), "template": served.part}
    return _text(content)


def remember_failed(digest: str, cause: tuple[str, ...], message: str) -> str:
    """The annotation for a rollout that is taken back."""
    return _text({"digest": digest, "cause": cause, "message": message[:MESSAGE_MAX_LENGTH]})


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _content(workload: WorkloadView, annotation: str) -> Mapping[str, Any]:
    text = stored_annotations(workload).get(annotation)
    if not text:
        return {}
    try:
        content = json.loads(text)
    except ValueError:  # somebody has edited it
        return {}
    return content if isinstance(content, dict) else {}

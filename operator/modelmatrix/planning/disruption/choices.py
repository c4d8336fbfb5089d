"""The stored form of what the gate decides for a workload: its pod template and its annotations. Pure."""

from __future__ import annotations

from dataclasses import replace

from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.disruption.history import remember_again, remember_failed, remember_served, stored_annotations
from modelmatrix.planning.disruption.rollout import Rollout
from modelmatrix.planning.placement.template_choice import Hold, TemplateChoice
from modelmatrix.planning.rendering.pod_templates import engine_image, rolling_part, with_soft_fields_of
from modelmatrix.planning.rendering.workloads import Template, render


def current(rollout: Rollout, *, surge: bool) -> TemplateChoice:
    """The template is stored already; fields that need no new pod stay. What it remembers goes once it serves."""
    template = rollout.placement.template
    part = with_soft_fields_of(rolling_part(template.manifest), rolling_part(rollout.workload.manifest))
    remembered = _stored(rollout, names.ANNOTATION_SERVED) if rollout.is_on else {}
    cause = _change_cause(rollout) or (_stored(rollout, names.CHANGE_CAUSE) if rollout.served else {})
    return TemplateChoice(part, template.annotations | remembered | cause, surge)


def begin(rollout: Rollout, *, surge: bool) -> TemplateChoice:
    """Roll the desired template out. The stored one is remembered if replicas of it serve."""
    return _begin(rollout, rollout.placement.template, surge=surge)


def begin_with_stored_image(rollout: Rollout, *, surge: bool) -> TemplateChoice:
    """Roll an edit of the deployment out without the image that fails elsewhere; that change goes on waiting."""
    target = replace(rollout.placement.target, image=engine_image(rolling_part(rollout.workload.manifest)))
    choice = _begin(rollout, render(target), surge=surge)
    return replace(choice, annotations={**choice.annotations, **_stored(rollout, names.ANNOTATION_FAILED)})


def _begin(rollout: Rollout, template: Template, *, surge: bool) -> TemplateChoice:
    remembered = {}
    if rollout.is_on and rollout.served is not None:
        remembered = {names.ANNOTATION_SERVED: remember_again(rollout.served, rollout.now_seconds)}
    elif rollout.placement.ready:
        remembered = {names.ANNOTATION_SERVED: remember_served(rollout.workload, rollout.now_seconds)}
    annotations = template.annotations | remembered | _change_cause(rollout)
    return TemplateChoice(rolling_part(template.manifest), annotations, surge)


def keep(rollout: Rollout, hold: Hold) -> TemplateChoice:
    """The stored template stays, with all that it remembers; labels and other fields outside it change."""
    workload = rollout.workload
    history = _stored(rollout, names.ANNOTATION_FAILED)
    history |= _stored(rollout, names.ANNOTATION_SERVED) if rollout.is_on else {}
    annotations = {
        names.ANNOTATION_DIGEST: rollout.placement.template.outer_digest,
        **_stored(rollout, names.ANNOTATION_TEMPLATE, names.ANNOTATION_SPEC, names.CHANGE_CAUSE),
        **history,
    }
    if not workload.template_digest:  # of an earlier version: its digest of the whole manifest says what was applied
        annotations[names.ANNOTATION_TEMPLATE] = workload.digest
    return TemplateChoice(rolling_part(workload.manifest), annotations, rollout.surges, hold)


def go_back(rollout: Rollout) -> TemplateChoice:
    """Restore the template that served before, and remember the one that did not.

    Raises:
        ValueError: no rollout is on, or it does not fail.
    """
    served, problem = rollout.served, rollout.problem
    if served is None or problem is None:
        raise ValueError(f"{rollout.workload.key} has nothing to go back to")
    annotations = {
        names.ANNOTATION_DIGEST: rollout.placement.template.outer_digest,
        names.ANNOTATION_TEMPLATE: served.digest,
        names.ANNOTATION_SPEC: served.spec_digest,
        names.ANNOTATION_FAILED: remember_failed(rollout.workload.template_digest, rollout.on_cause.key, problem.message),
        names.ANNOTATION_SERVED: remember_again(served, rollout.now_seconds),
    }
    hold = Hold(Reason.ROLLED_BACK, f"no replica of the new template serves: {problem.message}", rollout.on_own)
    return TemplateChoice(served.part, annotations, rollout.surges, hold)


def frozen(rollout: Rollout, hold: Hold) -> TemplateChoice:
    """Nothing of the workload is touched."""
    part, annotations = rolling_part(rollout.workload.manifest), stored_annotations(rollout.workload)
    return TemplateChoice(part, annotations, rollout.surges, hold, frozen=True)


def _stored(rollout: Rollout, *annotations: str) -> dict[str, str]:
    stored = stored_annotations(rollout.workload)
    return {name: stored[name] for name in annotations if stored.get(name)}


def _change_cause(rollout: Rollout) -> dict[str, str]:
    cause = rollout.placement.change_cause
    return {names.CHANGE_CAUSE: cause} if cause else {}

"""Which pod template a workload gets from a plan, and why not the desired one. Data only; ``planning.disruption`` decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.rendering.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a change of pods waits. ``is_own``: the change is an edit of the deployment itself, which its Ready reports."""

    reason: Reason
    message: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """The pod template of a workload as it should be stored.

    ``part`` are the fields of its spec that decide over pods, ``None`` for those of the rendered template. ``annotations`` are
    all of the operator's. ``surge`` is the update strategy. ``hold`` says why the desired template waits; ``frozen``: nothing
    of the workload may be touched at all.
    """

    part: Manifest | None
    annotations: Mapping[str, str]
    surge: bool
    hold: Hold | None = None
    frozen: bool = False

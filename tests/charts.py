"""The chart as Helm renders it, for tests."""

from __future__ import annotations

from typing import Any

import yaml

from localcluster.build.programs import Programs
from playground.options import REPOSITORY

CHART = REPOSITORY / "charts" / "modelmatrix"

Manifest = dict[str, Any]


def render(programs: Programs, *values: str) -> list[Manifest]:
    """The manifests that the chart renders from some values."""
    flags = [flag for value in values for flag in ("--set", value)]
    text = programs.run("helm", "template", "modelmatrix", str(CHART), "--namespace", "modelmatrix-system", *flags)
    return [item for item in yaml.safe_load_all(text) if item]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Manifests of one kind."""
    return [item for item in manifests if item["kind"] == kind]


def environment(manifests: list[Manifest]) -> dict[str, str]:
    """Variables of the operator; empty where a pod's own field is the value."""
    (deployment,) = of_kind(manifests, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value", "") for item in container["env"]}

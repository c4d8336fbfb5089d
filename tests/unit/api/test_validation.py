from __future__ import annotations

from typing import Any

import pytest
import yaml

from factories import deployment_spec
from modelmatrix.api.base import VALIDATIONS
from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling, ServiceLevelObjective
from modelmatrix.api.validation import contradictions
from playground.options import REPOSITORY

WINDOW = {"start": "0 8 * * *", "end": "0 18 * * *", "timeZone": "Asia/Shanghai"}


def said(**fields: Any) -> list[str]:
    return list(contradictions(deployment_spec(**fields)))


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert said(scaling={"minReplicas": 1, "maxReplicas": 3}, slo={"tpotMilliseconds": 50}) == []
    assert said(replicas=5) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scaling": {"minReplicas": 5, "maxReplicas": 3}}, "minReplicas 5 is above maxReplicas 3"),
        (
            {"scaling": {"maxReplicas": 3, "schedule": [{**WINDOW, "name": "day", "minReplicas": 4}]}},
            "a schedule window asks for more than maxReplicas 3: [day]",
        ),
        (
            {"scaling": {"maxReplicas": 3}, "replicas": 2},
            "replicas 2 beside scaling: leave replicas out, scaling decides between 1 and 3",
        ),
        (
            {"slo": {"percentile": 90}},
            "slo with percentile 90 has no bound: set ttftMilliseconds, tpotMilliseconds or e2eMilliseconds",
        ),
    ],
)
def test_what_the_api_server_would_refuse_is_told_in_its_words(fields: dict[str, Any], words: str) -> None:
    assert said(**fields) == [words]


def test_every_rule_on_a_spec_has_its_twin_here() -> None:
    rules = [
        rule
        for model in (ModelDeploymentSpec, Scaling, ServiceLevelObjective)
        for rule in model.model_config["json_schema_extra"][VALIDATIONS]  # type: ignore[index, call-overload]
    ]
    assert len(rules) == 4, "a new rule must be told of offline too: api/contradictions.py"


def test_the_rejected_example_is_refused_offline_too() -> None:
    path = REPOSITORY / "manifests" / "examples" / "rejected" / "bounds.yaml"
    spec = ModelDeploymentSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["spec"])
    assert list(contradictions(spec)) == ["minReplicas 5 is above maxReplicas 3"]

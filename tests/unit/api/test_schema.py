"""Translation of types to structural schemas: nothing gets lost silently."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from modelmatrix.api.base import ApiModel, rule, rules
from modelmatrix.api.schema import SchemaError, structural_schema


class Inner(ApiModel):
    """What is inside."""

    model_config = ApiModel.model_config | {"json_schema_extra": rules(rule("type rule", "'x'", message="of the type"))}
    on: bool = Field(default=True, description="Whether it is on.")


class Outer(ApiModel):
    """What is outside."""

    inner: Inner = Field(
        default=Inner(),
        description="The inner part.",
        json_schema_extra=rules(rule("use rule", "'x'", message="of the use", field_path=".inner")),
    )
    maybe: int | None = Field(default=None, ge=1, le=5, description="A number\nof ``things``.")
    names: Annotated[dict[str, int], Field(max_length=2)] = Field(default_factory=dict, description="Numbers by name.")


def test_references_are_resolved_and_rules_of_type_and_use_both_count() -> None:
    inner = structural_schema(Outer)["properties"]["inner"]
    assert [item["rule"] for item in inner["x-kubernetes-validations"]] == ["type rule", "use rule"]
    assert inner["x-kubernetes-validations"][1]["fieldPath"] == ".inner"
    assert "fieldPath" not in inner["x-kubernetes-validations"][0]
    assert "$ref" not in inner


def test_the_use_describes_not_the_type() -> None:
    assert structural_schema(Outer)["properties"]["inner"]["description"].startswith("The inner part")


def test_what_may_be_left_out_is_left_out_not_null() -> None:
    maybe = structural_schema(Outer)["properties"]["maybe"]
    assert maybe == {"type": "integer", "minimum": 1, "maximum": 5, "description": "A number of things (between 1 and 5)."}


def test_defaults_are_shown_as_kubernetes_writes_them() -> None:
    assert structural_schema(Inner)["properties"]["on"]["description"] == "Whether it is on (default true)."


def test_maps_keep_the_schema_of_their_values() -> None:
    assert structural_schema(Outer)["properties"]["names"]["additionalProperties"] == {"type": "integer"}


class Union(BaseModel):
    either: int | str


class Conditional(BaseModel):
    odd: int = Field(multiple_of=2)


@pytest.mark.parametrize(("model", "words"), [(Union, "anyOf of 2 types"), (Conditional, "no translation for multipleOf")])
def test_what_has_no_translation_is_an_error(model: type[BaseModel], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        structural_schema(model)

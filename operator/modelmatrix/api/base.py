"""What all API types share: camelCase on the wire, immutable in memory, bounds and CEL rules beside the field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

VALIDATIONS = "x-kubernetes-validations"


class ApiModel(BaseModel):
    """A part of a Kubernetes object. Field names are camelCase on the wire.

    Validators are built at the first use: most processes use a few of the types, and nested types are built with their root.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", defer_build=True)


def rule(
    expression: str, message_expression: str, *, message: str, field_path: str = "", reason: str = "FieldValueInvalid"
) -> dict[str, str]:
    """A CEL rule whose message quotes the offending values.

    ``message`` is what the API server falls back to when the message expression itself fails.
    """
    cel = {"rule": expression, "messageExpression": message_expression, "message": message, "reason": reason}
    return cel | ({"fieldPath": field_path} if field_path else {})


def rules(*items: dict[str, str]) -> dict[str, Any]:
    """Schema extras that attach CEL rules to a field or an object."""
    return {VALIDATIONS: list(items)}


def keyed_list(*keys: str) -> dict[str, Any]:
    """Schema extras of a list of objects that server-side apply merges by key."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


ATOMIC_LIST: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
SET_LIST: dict[str, Any] = {"x-kubernetes-list-type": "set"}
ATOMIC_MAP: dict[str, Any] = {"x-kubernetes-map-type": "atomic"}

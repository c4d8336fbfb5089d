"""Structural OpenAPI schemas of pydantic types, as the API server wants them.

Exactly what pydantic emits for our types is translated; anything else is an error, so that nothing gets lost silently.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT = (
    "type",
    "format",
    "description",
    "enum",
    "pattern",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
_DROPPED = ("title", "additionalProperties", "properties", "items", "$ref", "anyOf", "allOf", "propertyNames", "$defs")
_BOUNDS = (
    ("minimum", "maximum", "between {} and {}"),
    ("minLength", "maxLength", "{} to {} characters"),
    ("minItems", "maxItems", "{} to {} items"),
    ("minProperties", "maxProperties", "{} to {} entries"),
)


class SchemaError(Exception):
    """The type has something that has no translation yet."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The schema of a type, with every reference resolved."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    return _translate(document, document.get("$defs", {}), model.__name__)


def _translate(node: Schema, definitions: Schema, where: str) -> Schema:
    node = _resolve(node, definitions)
    unknown = [key for key in node if key not in (*_KEPT, *_DROPPED) and not key.startswith("x-kubernetes-")]
    if unknown:
        raise SchemaError(f"{where}: no translation for {', '.join(unknown)}")
    result = {key: node[key] for key in _KEPT if key in node}
    result |= {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
    if result.get("default", ...) is None:  # an absent field is absent, not null
        del result["default"]
    if "properties" in node:
        result["properties"] = {
            name: _translate(child, definitions, f"{where}.{name}") for name, child in node["properties"].items()
        }
    if "items" in node:
        result["items"] = _translate(node["items"], definitions, f"{where}[]")
    if isinstance(node.get("additionalProperties"), dict):
        result["additionalProperties"] = _translate(node["additionalProperties"], definitions, f"{where}{{}}")
    if isinstance(result.get("default"), dict):
        result["default"] = {key: value for key, value in result["default"].items() if value is not None}
    return _describe(result)


def _resolve(node: Schema, definitions: Schema) -> Schema:
    """A node without references and without ``null`` beside its type."""
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _resolve(_merge(target, {key: value for key, value in node.items() if key != "$ref"}), definitions)
    for combiner in ("anyOf", "allOf"):
        if combiner in node:
            parts = [part for part in node[combiner] if part.get("type") != "null"]
            if len(parts) != 1:
                raise SchemaError(f"{combiner} of {len(parts)} types")
            rest = {key: value for key, value in node.items() if key != combiner}
            return _resolve(_merge(parts[0], rest), definitions)
    return node


def _merge(base: Schema, extra: Schema) -> Schema:
    """The use of a type with the type itself; rules of both count."""
    rules = [*base.get("x-kubernetes-validations", ()), *extra.get("x-kubernetes-validations", ())]
    merged = {**base, **extra}
    return {**merged, "x-kubernetes-validations": rules} if rules else merged


def _describe(node: Schema) -> Schema:
    """``kubectl explain`` shows neither defaults nor bounds, so the description lists them."""
    text = node.get("description", "").replace("\n", " ").replace("``", "")
    if not text:
        return node
    facts = []
    for low, high, phrase in _BOUNDS:
        if high in node:
            facts.append(phrase.format(node.get(low, 0), node[high]))
    if "enum" in node:
        facts.append("one of " + ", ".join(str(item) for item in node["enum"]))
    if "default" in node and node["default"] not in ([], {}):
        facts.append(f"default {_shown(node['default'])}")
    suffix = f" ({'; '.join(facts)})" if facts else ""
    return {**node, "description": text.rstrip(".") + suffix + "."}


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

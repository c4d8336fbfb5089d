"""Errors of a spec in the terms of its YAML: pydantic's own messages are about Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Context = Mapping[str, Any]

_MESSAGES: Mapping[str, Callable[[Context], str]] = {
    "missing": lambda _: "is required",
    "model_type": lambda _: "must be an object with fields",
    "dict_type": lambda _: "must be a map",
    "list_type": lambda _: "must be a list",
    "int_type": lambda _: "must be a whole number",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be text",
    "enum": lambda context: f"must be one of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "too_short": lambda context: (
        "must not be empty" if context["min_length"] == 1 else f"must have at least {context['min_length']} entries"
    ),
    "too_long": lambda context: f"must have at most {context['max_length']} entries",
    "string_too_short": lambda context: f"must have at least {context['min_length']} characters",
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
}
_SOURCE = "write scheme://path, e.g. pvc://CLAIM/PATH or modelscope://Qwen/Qwen3-32B@master"
_LONGEST = 60


def describe_validation_error(model: type[BaseModel], error: ValidationError) -> str:
    """The first error: its path, what is wrong there, and what to write instead."""
    errors = error.errors(include_url=False)
    # A misspelt name gives two errors: an unknown field, and often a missing one. The unknown field explains both.
    first = next((entry for entry in errors if entry["type"] == "extra_forbidden"), errors[0])
    where = [part for part in first["loc"] if part != "[key]"]
    owner = _owner(model, where)
    if first["type"] == "extra_forbidden":
        return f"{_path(where[:-1])}: {_unknown(str(where[-1]), owner)}"
    return f"{_path(where)}: {_message(first, owner.get(str(where[-1])) if where else None)}"


def _path(where: Sequence[int | str]) -> str:
    """The path as the API server writes it: ``spec.pools[0].name``."""
    return "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)


def _unknown(name: str, known: Mapping[str, FieldInfo]) -> str:
    near = get_close_matches(name.lower(), [key.lower() for key in known], n=1)
    meant = next((key for key in known if near and key.lower() == near[0]), None)
    return f"unknown field '{name}'" + (f"; did you mean {meant}?" if meant else f"; known are {', '.join(known)}")


def _message(error: Mapping[str, Any], field: FieldInfo | None) -> str:
    kind, value = error["type"], error["input"]
    if error["loc"] and error["loc"][-1] == "source" and isinstance(value, str):
        return f"{_shown(value)} is not a valid source: {_SOURCE}"
    if kind == "missing":
        return _MESSAGES[kind]({})
    if kind == "string_type" and isinstance(value, int | float):
        return f"must be text, not {_shown(value)}: quote it"
    if kind in _MESSAGES:
        return f"{_MESSAGES[kind](error.get('ctx', {}))}, not {_shown(value)}"
    about = field.description if field and field.description else error["msg"].removeprefix("Value error, ")
    return f"{_shown(value)} is not valid: {about.rstrip('.')}"


def _shown(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _owner(model: type[BaseModel], where: Sequence[int | str]) -> Mapping[str, FieldInfo]:
    """The fields of the object that a path leads into, by their YAML names; empty in a map, whose keys are free."""
    inner: type[BaseModel] | None = model
    for part in where[:-1]:
        if isinstance(part, str) and inner is not None:
            field = _fields(inner).get(part)
            inner = _model_in(field.annotation) if field else None
    return _fields(inner) if inner is not None else {}


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)

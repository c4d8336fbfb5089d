"""Edits of every leaf of a spec, from the schema of its CRD: at a bound, another value, what does not belong there. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).parents[2] / "crds"
LONG = 300

Object = dict[str, Any]
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """A leaf, the sort of its new value, and the whole spec with it."""

    leaf: str
    sort: str
    value: Any
    spec: Object

    def __str__(self) -> str:
        return f"{self.leaf}: {self.sort} {self.value!r}"


def schema_of(plural: str) -> Object:
    """The schema of the spec of a kind."""
    crd = yaml.safe_load((CRDS / f"{plural}.yaml").read_text(encoding="utf-8"))
    spec: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def edits(schema: Object, spec: Object) -> Iterator[Edit]:
    """Three edits of every leaf: of lists the first item's, of maps a new entry's."""
    for steps, leaf in leaves(schema):
        name = ".".join(map(str, steps))
        bound, other = values(leaf)
        yield Edit(name, "bound", bound, with_value(spec, schema, steps, bound))
        yield Edit(name, "other", other, with_value(spec, schema, steps, other))
        if _is_there(spec, steps):
            yield Edit(name, "removed", None, _without(spec, steps))
        else:
            yield Edit(name, "garbage", garbage(leaf), with_value(spec, schema, steps, garbage(leaf)))


def leaves(schema: Object, steps: Steps = ()) -> Iterator[tuple[Steps, Object]]:
    """Paths of scalars with their schemas."""
    if schema.get("properties"):
        for name, inner in schema["properties"].items():
            yield from leaves(inner, (*steps, name))
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], (*steps, 0))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from leaves(schema["additionalProperties"], (*steps, "example.com/key"))
    else:
        yield steps, schema


def values(leaf: Object) -> tuple[Any, Any]:
    """A value beyond or at a bound, and one that is merely another."""
    kind = leaf.get("type")
    if leaf.get("enum"):
        return f"{leaf['enum'][-1]}x", leaf["enum"][-1]
    if kind in ("integer", "number"):
        least, most = leaf.get("minimum", 0), leaf.get("maximum")
        return (least - 1 if most is None else most + 1), (least + 1 if most is None else max(least, min(most, least + 1)))
    if kind == "boolean":
        return True, False
    return "x" * (leaf.get("maxLength", LONG) + 1), "another"


def garbage(leaf: Object) -> Any:
    """A value of another type."""
    return "a text" if leaf.get("type") in ("integer", "number", "boolean") else 7


def with_value(spec: Object, schema: Object, steps: Steps, value: Any) -> Object:
    """The spec with a leaf; what the way to it lacks is made, with what the schema requires there."""
    changed = copy.deepcopy(spec)
    here: Any = changed
    for step, following in pairwise(steps):
        schema = (
            schema["properties"][step] if schema.get("properties") else schema.get("items") or schema["additionalProperties"]
        )
        fresh: Any = [] if following == 0 and schema.get("type") == "array" else _required(schema)
        if isinstance(here, list):
            if not here:
                here.append(fresh)
            here = here[0]
        else:
            here = here.setdefault(step, fresh)
    if isinstance(here, list):
        here[:1] = [value]
    else:
        here[steps[-1]] = value
    return changed


def _required(schema: Object) -> Object:
    return {
        name: values(schema["properties"][name])[1]
        for name in schema.get("required", ())
        if _is_leaf(schema["properties"][name])
    }


def _is_leaf(schema: Object) -> bool:
    return "properties" not in schema and schema.get("type") not in ("array", "object")


def _is_there(spec: Any, steps: Steps) -> bool:
    for step in steps:
        if isinstance(spec, list) and not spec:
            return False
        if isinstance(spec, dict) and step not in spec:
            return False
        spec = spec[step]
    return True


def _without(spec: Object, steps: Steps) -> Object:
    changed = copy.deepcopy(spec)
    here: Any = changed
    for step in steps[:-1]:
        here = here[step]
    del here[steps[-1]]
    return changed

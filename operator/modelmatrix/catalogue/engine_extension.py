"""Engines that extend another engine: the one mechanism behind ``extends`` in a data file and behind EngineProfiles.

A field that the extension gives replaces the inherited field as a whole, with two exceptions: ``arguments`` and
``environment`` are edits of the inherited list, because their order reaches the pod. An edit is one of

* an entry, which is appended;
* ``{remove: [KEY, ...]}``, which drops inherited entries;
* ``{before: KEY, insert: [ENTRY, ...]}``, which puts entries before an inherited one.

``KEY`` is an argument's words as a line, e.g. ``--dtype bfloat16``, or a variable's name. So a flag that is added to vLLM
reaches vLLM-Ascend and every profile of a bank. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelmatrix.catalogue.engines import Argument, Engine, EnvVar

_EDITED = ("arguments", "environment")
_ALIASES = {name: field.alias or name for name, field in Engine.model_fields.items()}


class ExtensionError(ValueError):
    """An edit does not fit the inherited list; the text names field and key."""


def extend_engine(base: Engine, changes: Mapping[str, Any]) -> Engine:
    """The engine that has the base's fields but for ``changes``, whose keys and values are those of a data file.

    Raises:
        ExtensionError: an edit names an entry that is not inherited exactly once.
        ValidationError: a changed field is wrong.
    """
    inherited = {alias: getattr(base, name) for name, alias in _ALIASES.items()}
    edited = {field: _edit(field, inherited[field], changes[field]) for field in _EDITED if field in changes}
    return Engine.model_validate(inherited | dict(changes) | edited)


def _edit(field: str, inherited: Sequence[Argument | EnvVar], edits: Iterable[Any]) -> list[Any]:
    entries: list[Any] = list(inherited)
    for edit in edits:
        if isinstance(edit, Mapping) and "remove" in edit:
            for key in edit["remove"]:
                del entries[_position(field, entries, key)]
        elif isinstance(edit, Mapping) and "before" in edit:
            position = _position(field, entries, edit["before"])
            entries[position:position] = edit["insert"]
        else:
            entries.append(edit)
    return entries


def _position(field: str, entries: Sequence[Any], key: str) -> int:
    positions = [index for index, entry in enumerate(entries) if isinstance(entry, Argument | EnvVar) and entry.key == key]
    if len(positions) != 1:
        keys = ", ".join(repr(entry.key) for entry in entries if isinstance(entry, Argument | EnvVar))
        raise ExtensionError(f"{field}: {key!r} is not the key of one inherited entry; the keys are {keys}")
    return positions[0]

"""The command line of an engine: its arguments as data, without those that the image is too old for."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.catalogue.facts import Argument, Engine
from modelmatrix.catalogue.versions import is_since, version_of
from modelmatrix.planning.rendering.variables import fill


def arguments(engine: Engine, image: str, values: dict[str, str]) -> list[str]:
    """Arguments of the engine in an image. A flag that an engine does not know keeps it from starting."""
    version = version_of(image)
    return [
        text
        for item in engine.arguments
        if item.when.holds(values) and is_since(version, item.since)
        for text in _filled(item, values)
    ]


def _filled(item: Argument, values: dict[str, str]) -> Iterator[str]:
    for text in item.args:
        filled = fill(text, values)
        if item.words:
            yield from filled.split()
        else:
            yield filled

"""The command line of an engine: its arguments as data, without those that the image is too old for."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.catalogue.engine_version import is_since, version_of
from modelmatrix.catalogue.engines import Argument, Engine
from modelmatrix.planning.rendering.template_variables import substitute


def arguments(engine: Engine, image: str, values: dict[str, str]) -> list[str]:
    """Arguments of the engine in an image. A flag that an engine does not know keeps it from starting."""
    version = version_of(image)
    return [
        text
        for argument in engine.arguments
        if argument.when.holds(values) and is_since(version, argument.since)
        for text in _substituted(argument, values)
    ]


def _substituted(argument: Argument, values: dict[str, str]) -> Iterator[str]:
    for text in argument.args:
        value = substitute(text, values)
        if argument.words:
            yield from value.split()
        else:
            yield value

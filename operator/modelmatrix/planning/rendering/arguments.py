"""The command line of an engine: its arguments as data, without those that the image is too old for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelmatrix.catalogue.facts import Argument, Engine
from modelmatrix.planning.rendering.variables import fill

_TAG_VERSION = re.compile(r":v?(\d+)\.(\d+)[^/]*$")

Version = tuple[int, int]


def arguments(engine: Engine, image: str, values: dict[str, str]) -> list[str]:
    """Arguments of the engine in an image. A flag that an engine does not know keeps it from starting."""
    version = version_of(image)
    return [
        text
        for item in engine.arguments
        if item.when.holds(values) and _knows(version, item.since)
        for text in _filled(item, values)
    ]


def version_of(image: str) -> Version | None:
    """Major and minor version in an image's tag; ``None`` for a digest or a tag that is no version."""
    found = _TAG_VERSION.search(image)
    return (int(found[1]), int(found[2])) if found else None


def _knows(version: Version | None, since: str) -> bool:
    """Whether that version has a flag; an unknown one is taken for a new one."""
    if version is None or not since:
        return True
    major, minor = since.split(".")
    return version >= (int(major), int(minor))


def _filled(item: Argument, values: dict[str, str]) -> Iterator[str]:
    for text in item.args:
        filled = fill(text, values)
        if item.words:
            yield from filled.split()
        else:
            yield filled

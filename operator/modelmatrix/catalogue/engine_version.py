"""Versions of engines, as far as the tags of their images tell them. Pure."""

from __future__ import annotations

import re

_TAG_VERSION = re.compile(r":v?(\d+)\.(\d+)[^/]*$")

Version = tuple[int, int]


def version_of(image: str) -> Version | None:
    """Major and minor version in an image's tag; ``None`` for a digest or a tag that is no version."""
    found = _TAG_VERSION.search(image)
    return (int(found[1]), int(found[2])) if found else None


def is_since(version: Version | None, since: str) -> bool:
    """Whether a version is ``since`` (such as ``0.32``) or later; one that nobody knows is taken for a new one."""
    if version is None or not since:
        return True
    major, minor = since.split(".")
    return version >= (int(major), int(minor))

"""Engine versions, read from image tags. Pure."""

from __future__ import annotations

import re

_TAG_VERSION = re.compile(r":v?(\d+)\.(\d+)[^/]*$")

Version = tuple[int, int]


def version_of(image: str) -> Version | None:
    """Major and minor version in an image's tag; ``None`` for a digest or a tag that is not a version."""
    tag = _TAG_VERSION.search(image)
    return (int(tag[1]), int(tag[2])) if tag else None


def is_since(version: Version | None, since: str) -> bool:
    """Whether a version is ``since`` (such as ``0.32``) or later; an unknown version counts as new."""
    if version is None or not since:
        return True
    major, minor = since.split(".")
    return version >= (int(major), int(minor))

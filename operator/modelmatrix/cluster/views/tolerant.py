"""Makes projections total: an object in an unknown form must not hide all others. It must not hide errors of our own.

No API server stores such objects under a schema that it knows; a newer schema, or a file that a person wrote, may hold them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]
Made = TypeVar("Made")
Otherwise = TypeVar("Otherwise")

# What reading a value of another type than expected raises.
_STRANGE = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError)


def tolerant(
    otherwise: Callable[[Object, str], Otherwise],
) -> Callable[[Callable[[Object], Made]], Callable[[Object], Made | Otherwise]]:
    """A projection that gives what ``otherwise`` makes of the object and the error, where it cannot read the object."""

    def decorate(project: Callable[[Object], Made]) -> Callable[[Object], Made | Otherwise]:
        @wraps(project)
        def view(item: Object) -> Made | Otherwise:
            try:
                return project(item)
            except _STRANGE as error:
                text = f"the object has an unknown form ({type(error).__name__}: {error})"
                _log.warning("%s %s: %s", item.get("kind", "object"), item["metadata"]["name"], text)
                return otherwise(item, text)

        return view

    return decorate


def ignore_object(_item: Object, _error: str) -> None:
    """An object that cannot be read does not matter."""

"""Makes projections total: one object with an unknown form must not stop the informer of its kind.

An API server does not store such objects under a schema that it knows; a newer schema, or a file given to ``kubectl
matrix --offline``, may contain them. Only errors of reading values are caught, not all errors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]
View = TypeVar("View")
Fallback = TypeVar("Fallback")

# The errors of reading a value of an unexpected type.
_UNREADABLE = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError)


def tolerant(
    fallback: Callable[[Object, str], Fallback],
) -> Callable[[Callable[[Object], View]], Callable[[Object], View | Fallback]]:
    """Decorate a projection: for an object that it cannot read, ``fallback`` gets the object and the error."""

    def decorate(project: Callable[[Object], View]) -> Callable[[Object], View | Fallback]:
        @wraps(project)
        def view(item: Object) -> View | Fallback:
            try:
                return project(item)
            except _UNREADABLE as error:
                text = f"the object has an unknown form ({type(error).__name__}: {error})"
                kind, name = item.get("kind", "object"), item["metadata"]["name"]
                _log.warning("%s %s: %s", kind, name, text, extra={"kind": kind, "object": name})
                return fallback(item, text)

        return view

    return decorate


def ignore_object(_item: Object, _error: str) -> None:
    """The fallback for kinds of which an unreadable object is left out."""

"""What can go wrong between us and the API server.

::

    ApiError                 the API server answered with an error; carries its own words
    ├── NotFound             404: the object or the whole resource is not there
    ├── AlreadyExists        409 on a create
    ├── Conflict             409 otherwise: somebody was faster; read again
    ├── Gone                 410: the version to watch from is too old; list again
    └── Rejected             400, 403, 422: it will not be accepted as it is
    Unreachable              no answer, a broken one, 429 or 5xx: try again later
    ├── Untrusted            TLS: one does not trust the other
    └── ServerFault          500: often somebody whom the API server asks, as an admission webhook
"""

from __future__ import annotations

from typing import Any


class TransientError(Exception):
    """No useful answer. The request may or may not have been carried out."""


class TlsError(TransientError):
    """We and the API server do not trust each other's certificates."""


class InternalServerError(TransientError):
    """The API server could not carry it out, and says why: often a webhook that fails, or its own database."""


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class NotFound(ApiError):
    """The object or the whole resource is not there."""


class AlreadyExists(ApiError):
    """An object of that name is there already."""


class Conflict(ApiError):
    """The object has changed meanwhile."""


class Gone(ApiError):
    """The version is too old."""


class Rejected(ApiError):
    """The request will not be accepted as it is."""


_RETRIED = (408, 429)
_SERVER_ERROR = 500
_CLASSES: dict[int, type[ApiError]] = {400: Rejected, 403: Rejected, 404: NotFound, 409: Conflict, 410: Gone, 422: Rejected}


def error_from(code: int, body: Any) -> Exception:
    """The exception for an answer; ``body`` is the parsed Status object, if it was one."""
    status = body if isinstance(body, dict) else {}
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or f"HTTP {code}")
    if code in _RETRIED or code >= _SERVER_ERROR:
        unanswered = InternalServerError if code == _SERVER_ERROR else TransientError
        return unanswered(f"the API server answered {code}: {message}")
    if reason == "AlreadyExists":
        return AlreadyExists(code, reason, message)
    if reason == "Invalid" and "metadata.uid" in message:  # what a patch of a namesake is told
        return Conflict(code, reason, message)
    return _CLASSES.get(code, ApiError)(code, reason, message)

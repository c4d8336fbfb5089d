"""Errors of requests to the API server.

::

    ApiError                   the API server answered with an error; carries its message
    ├── NotFound               404: the object, or its whole kind, does not exist
    ├── AlreadyExists          409 on a create
    ├── Conflict               409 otherwise: the object has changed since it was read; read it again
    ├── Gone                   410: the resourceVersion to watch from is too old; list again
    └── Rejected               400, 403, 422: the API server will never accept this request
    TransientError             no response, a broken one, 408, 429 or 5xx: try again later
    ├── NotLeading             the write was not sent, because this process does not lead
    ├── TlsError               one side does not trust the other's certificate
    └── InternalServerError    500: often an admission webhook that fails
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class TransientError(Exception):
    """No usable response. The request may or may not have taken effect."""


class NotLeading(TransientError):
    """The write was not sent: this process does not lead, or no longer leads."""

    def __init__(self) -> None:
        super().__init__("this process is not the leader and does not write")


class TlsError(TransientError):
    """The TLS handshake failed: the operator or the API server does not trust the other's certificate."""


class InternalServerError(TransientError):
    """Status 500: the message names the cause, often an admission webhook or etcd."""


class ApiError(Exception):
    """The API server answered with an error status.

    Attributes:
        code: the HTTP status.
        reason: the machine-readable reason of the Status object; empty without one.
        message: its text for people.
        causes: the fields that are wrong, as the Status object lists them; empty without any.
    """

    def __init__(self, code: int, reason: str, message: str, causes: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes


class NotFound(ApiError):
    """The object, or its whole kind, does not exist."""


class AlreadyExists(ApiError):
    """A create found an object with the same name."""


class Conflict(ApiError):
    """The object has changed, or was replaced by another of its name, since it was read."""


class Gone(ApiError):
    """The resourceVersion to watch from is too old."""


class Rejected(ApiError):
    """The API server will not accept the request unless it changes."""


_RETRYABLE = (408, 429)
_SERVER_ERROR = 500
_CLASSES: dict[int, type[ApiError]] = {400: Rejected, 403: Rejected, 404: NotFound, 409: Conflict, 410: Gone, 422: Rejected}


def error_from(code: int, body: Any) -> Exception:
    """The exception for an error response; ``body`` is its parsed JSON, a Status object in most cases."""
    status = body if isinstance(body, dict) else {}
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or f"HTTP {code}")
    if code in _RETRYABLE or code >= _SERVER_ERROR:
        error_class = InternalServerError if code == _SERVER_ERROR else TransientError
        return error_class(f"the API server answered {code}: {message}")
    if reason == "AlreadyExists":
        return AlreadyExists(code, reason, message)
    if reason == "Invalid" and "metadata.uid" in message:  # a patch that carries the UID of a deleted namesake
        return Conflict(code, reason, message)
    return _CLASSES.get(code, ApiError)(code, reason, message, _causes(status))


def _causes(status: dict[str, Any]) -> Sequence[Any]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return causes if isinstance(causes, list) else ()

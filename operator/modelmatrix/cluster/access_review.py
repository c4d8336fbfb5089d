"""Who may read a path of ours. The API server says whose a token is (TokenReview) and what they may (SubjectAccessReview).

Answers count for a minute, so that a revoked token reads no longer than that, and each scrape is not two requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import ApiError, TransientError
from modelmatrix.planning.snapshot.views import NamespacedName

REMEMBERED_SECONDS = 60.0
REVIEW_SECONDS = 5.0
MAX_REMEMBERED = 256  # tokens; more are nobody who scrapes

_NAMELESS = NamespacedName("", "")


class Access(Enum):
    """What the API server says of a token."""

    ALLOWED = auto()
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    UNKNOWN = auto()


class AccessReviewer:
    """Whether the user of a token may ``get`` a path. ``clock`` is monotonic, in seconds."""

    def __init__(self, client: ApiClient, path: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._path = path
        self._clock = clock
        self._known: dict[str, tuple[float, Access]] = {}

    async def review(self, token: str) -> Access:
        """What the API server says, or said within the last minute. ``UNKNOWN`` is never remembered."""
        key = hashlib.sha256(token.encode()).hexdigest()
        until, access = self._known.get(key, (0.0, Access.UNKNOWN))
        if until > self._clock():
            return access
        try:
            access = await self._ask(token)
        except (ApiError, TransientError):
            return Access.UNKNOWN
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = (self._clock() + REMEMBERED_SECONDS, access)
        return access

    async def _ask(self, token: str) -> Access:
        status = await self._create(names.TOKEN_REVIEWS, {"token": token})
        if not status.get("authenticated"):
            return Access.UNAUTHENTICATED
        user = status.get("user") or {}
        who = {"user": user.get("username", ""), **{key: user[key] for key in ("uid", "groups", "extra") if key in user}}
        spec = {**who, "nonResourceAttributes": {"path": self._path, "verb": "get"}}
        status = await self._create(names.ACCESS_REVIEWS, spec)
        return Access.ALLOWED if status.get("allowed") and not status.get("denied") else Access.FORBIDDEN

    async def _create(self, kind: names.Kind, spec: Object) -> dict[str, Any]:
        review = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec}
        answer = await self._client.create(kind, _NAMELESS, review, timeout_seconds=REVIEW_SECONDS)
        return answer.get("status") or {}

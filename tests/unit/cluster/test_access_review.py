"""Who may read a path: what is asked of the API server about a token, what its answers mean, and how long they count."""

from __future__ import annotations

from typing import Any, cast

import pytest

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.cluster.access_review import MAX_REMEMBERED, REMEMBERED_SECONDS, Access, AccessReviewer
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import Rejected, TransientError

USER = {"username": "prometheus", "uid": "u1", "groups": ["monitors"], "extra": {"scopes": ["metrics"]}}


class Reviews:
    """A client that answers reviews, and records them."""

    def __init__(self) -> None:
        self.token: dict[str, Any] = {"authenticated": True, "user": USER}
        self.access: dict[str, Any] = {"allowed": True}
        self.error: Exception | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.now = 0.0

    async def create(self, kind: Kind, _key: object, manifest: dict[str, Any], **_: object) -> dict[str, Any]:
        self.asked.append((kind.plural, manifest["spec"]))
        if self.error is not None:
            raise self.error
        assert (manifest["apiVersion"], manifest["kind"]) == (kind.api_version, kind.kind)
        return {"status": self.token if kind == names.TOKEN_REVIEWS else self.access}


@pytest.fixture
def reviews() -> Reviews:
    return Reviews()


@pytest.fixture
def reviewer(reviews: Reviews) -> AccessReviewer:
    return AccessReviewer(cast("ApiClient", reviews), "/metrics", lambda: reviews.now)


async def test_the_user_of_a_token_is_asked_for_with_all_that_roles_go_by(reviews: Reviews, reviewer: AccessReviewer) -> None:
    assert await reviewer.review("t") is Access.ALLOWED
    attributes = {"path": "/metrics", "verb": "get"}
    asked = {"user": "prometheus", "uid": "u1", "groups": ["monitors"], "extra": {"scopes": ["metrics"]}}
    assert reviews.asked == [
        ("tokenreviews", {"token": "t"}),
        ("subjectaccessreviews", {**asked, "nonResourceAttributes": attributes}),
    ]


@pytest.mark.parametrize("status", [{}, {"authenticated": False}, {"error": "expired"}])
async def test_a_token_of_nobody_is_not_asked_for(reviews: Reviews, reviewer: AccessReviewer, status: dict[str, Any]) -> None:
    reviews.token = status
    assert await reviewer.review("t") is Access.UNAUTHENTICATED
    assert [plural for plural, _ in reviews.asked] == ["tokenreviews"]


@pytest.mark.parametrize("status", [{}, {"allowed": False}, {"allowed": True, "denied": True}])
async def test_who_may_not_is_told_so(reviews: Reviews, reviewer: AccessReviewer, status: dict[str, Any]) -> None:
    reviews.access = status
    assert await reviewer.review("t") is Access.FORBIDDEN


@pytest.mark.parametrize("error", [TransientError("away"), Rejected(403, "Forbidden", "no right to review")])
async def test_without_an_answer_nothing_is_known_or_remembered(
    reviews: Reviews, reviewer: AccessReviewer, error: Exception
) -> None:
    reviews.error = error
    assert await reviewer.review("t") is Access.UNKNOWN
    reviews.error = None
    assert await reviewer.review("t") is Access.ALLOWED


async def test_an_answer_counts_for_a_minute_and_for_its_token_only(reviews: Reviews, reviewer: AccessReviewer) -> None:
    await reviewer.review("t")
    reviews.token = {}
    reviews.now = REMEMBERED_SECONDS - 1
    assert await reviewer.review("t") is Access.ALLOWED
    assert await reviewer.review("other") is Access.UNAUTHENTICATED
    reviews.now = REMEMBERED_SECONDS
    assert await reviewer.review("t") is Access.UNAUTHENTICATED


async def test_tokens_without_end_take_no_memory_without_end(reviewer: AccessReviewer) -> None:
    for number in range(3 * MAX_REMEMBERED):
        await reviewer.review(str(number))
        assert len(reviewer._known) <= MAX_REMEMBERED  # noqa: SLF001 - what it is about

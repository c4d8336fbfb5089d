from __future__ import annotations

from typing import cast

import pytest
from aiohttp.abc import AbstractStreamWriter

from modelmatrix.cluster.errors import NotLeading
from modelmatrix.cluster.fenced_body import FencedBody


class Wire:
    """What leaves the process."""

    def __init__(self) -> None:
        self.sent = b""

    async def write(self, chunk: bytes) -> None:
        """Send."""
        self.sent += chunk


@pytest.mark.parametrize("length", [None, 4])
async def test_a_body_leaves_while_the_process_may_write_and_not_later(length: int | None) -> None:
    wire, leave = Wire(), iter([True, False])
    body, writer = FencedBody(b"body", "application/json", lambda: next(leave)), cast("AbstractStreamWriter", wire)
    await body.write_with_length(writer, length)
    with pytest.raises(NotLeading):
        await body.write_with_length(writer, length)
    assert wire.sent == b"body"

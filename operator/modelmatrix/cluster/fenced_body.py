"""The body of a write, which leaves the process only while it may write.

Minutes may pass between the decision to write and the moment at which a connection is ready: the process can be suspended
in between. aiohttp holds the headers back until it has the body, so nothing of a request is sent before this check.
"""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from modelmatrix.cluster.errors import NotLeading


class FencedBody(aiohttp.BytesPayload):
    """Bytes that are sent only if ``may_write`` is true at that moment; otherwise the request fails unsent."""

    def __init__(self, value: bytes, content_type: str, may_write: Callable[[], bool]) -> None:
        super().__init__(value, content_type=content_type)
        self._may_write = may_write

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send the bytes.

        Raises:
            NotLeading: the process may not write any more.
        """
        if not self._may_write():
            raise NotLeading
        await super().write_with_length(writer, content_length)

"""Fixtures of several test folders."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.apiserver import FakeApiServer, running
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.credentials import Credentials


@pytest.fixture
async def api() -> AsyncIterator[FakeApiServer]:
    """A fake API server."""
    async with running() as server:
        yield server


@pytest.fixture
async def client(api: FakeApiServer) -> AsyncIterator[ApiClient]:
    """A client of the fake API server."""
    async with ApiClient(Credentials(api.url, None)) as opened:
        yield opened

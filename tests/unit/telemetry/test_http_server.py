from __future__ import annotations

import asyncio
import socket

import pytest
from prometheus_client import CollectorRegistry

from modelmatrix.telemetry.http_server import serve


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here"))]
)
async def test_an_empty_host_is_reached_by_either_family(host: str) -> None:
    port = free_port()
    async with serve(("", port), CollectorRegistry(), healthy=str, ready=str):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200" in await reader.readline()
        writer.close()

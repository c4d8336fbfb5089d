from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import trustme
from prometheus_client import CollectorRegistry, Gauge

from modelmatrix.telemetry.http_server import SecureServing, serve


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


@dataclass
class Secured:
    """A server by TLS that answers 200 to the token ``good``, and a client that trusts its authority."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)
    tokens: list[str] = field(default_factory=list)

    def write(self, host: str = "127.0.0.1") -> SecureServing:
        """A certificate in the files that the server reads."""
        certificate, key = self.folder / "tls.crt", self.folder / "tls.key"
        issued = self.authority.issue_cert(host)
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return SecureServing(str(certificate), str(key), self.status_of)

    async def status_of(self, token: str) -> int:
        self.tokens.append(token)
        return {"": 401, "good": 200, "away": 503}.get(token, 403)

    async def get(self, port: int, path: str, header: str = "") -> tuple[int, str]:
        """Status and text of a page; raises ``ClientError`` when the certificate is not trusted."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        headers = {"Authorization": header} if header else {}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"https://127.0.0.1:{port}{path}", ssl=context, headers=headers) as response,
        ):
            return response.status, await response.text()


def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    Gauge("of_tenants", "What others must not read.", registry=found)
    return found


async def test_metrics_are_for_those_who_may_read_them_and_probes_for_all(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    async with serve(("127.0.0.1", 0), registry(), healthy=str, ready=lambda: "not yet", secure=secured.write()) as port:
        for header, status in (("", 401), ("Basic good", 401), ("Bearer bad", 403), ("Bearer away", 503)):
            assert await secured.get(port, "/metrics", header) == (status, "")
        status, text = await secured.get(port, "/metrics", "bearer good")
        assert (status, "of_tenants" in text) == (200, True)
        assert secured.tokens == ["", "", "bad", "away", "good"]
        assert await secured.get(port, "/healthz") == (200, "ok")
        assert await secured.get(port, "/readyz") == (503, "not yet")


async def test_nothing_is_answered_without_tls_where_it_is_asked(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    async with serve(("127.0.0.1", 0), registry(), healthy=str, ready=str, secure=secured.write()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200" not in await reader.read()
        writer.close()


async def test_a_renewed_certificate_is_served_after_the_next_request(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    async with serve(("127.0.0.1", 0), registry(), healthy=str, ready=str, secure=secured.write()) as port:
        old, secured.authority = secured.authority, trustme.CA()
        secured.write()
        future = time.time() + 5
        for name in ("tls.crt", "tls.key"):
            os.utime(tmp_path / name, (future, future))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await secured.get(port, "/healthz")
        fresh, secured.authority = secured.authority, old
        await secured.get(port, "/healthz")  # a probe, which trusts all
        secured.authority = fresh
        assert await secured.get(port, "/healthz") == (200, "ok")


@pytest.mark.parametrize("damage", ["gone", "junk"])
async def test_a_certificate_that_cannot_be_read_leaves_the_last_one(tmp_path: Path, damage: str) -> None:
    secured = Secured(tmp_path)
    async with serve(("127.0.0.1", 0), registry(), healthy=str, ready=str, secure=secured.write()) as port:
        path = tmp_path / "tls.crt"
        path.unlink() if damage == "gone" else path.write_text("junk", encoding="utf-8")
        assert await secured.get(port, "/healthz") == (200, "ok")
        assert await secured.get(port, "/healthz") == (200, "ok")


async def test_without_a_certificate_it_does_not_start(tmp_path: Path) -> None:
    missing = SecureServing(str(tmp_path / "no.crt"), str(tmp_path / "no.key"), Secured(tmp_path).status_of)
    with pytest.raises(FileNotFoundError):
        async with serve(("127.0.0.1", 0), registry(), healthy=str, ready=str, secure=missing):
            pass

"""The API server's side of an admission webhook: its certificate, its reviews, and a kubeconfig for who answers them."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import trustme
import yaml

from modelmatrix.api.names import Kind
from modelmatrix.kopf_handlers import HANDLER_ID

PATIENCE_SECONDS = 5.0

Object = dict[str, Any]


def free_port() -> int:
    """A port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_kubeconfig(path: Path, server: str) -> None:
    """A kubeconfig that leads to a server."""
    config = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


@dataclass
class Webhook:
    """A webhook on a port, and a client that trusts its certificate, which lies in a folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    authority: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        certificate = self.authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(self.key)
        certificate.cert_chain_pems[0].write_to_path(self.certificate)

    @property
    def certificate(self) -> Path:
        """The file of the certificate."""
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        """The file of its key."""
        return self.folder / "tls.key"

    async def post(self, kind: Kind, **request: Any) -> Object:
        """What the API server gets for a request, by default to create an object of a kind."""
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request_of(kind) | request}
        url, context = f"https://127.0.0.1:{self.port}/{HANDLER_ID}", ssl.create_default_context()
        self.authority.configure_trust(context)
        async with aiohttp.ClientSession() as session, session.post(url, json=review, ssl=context) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            response: Object = json.loads(text)["response"]
            return response

    async def listening(self) -> None:
        """Wait until the port answers."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._answers():  # noqa: ASYNC110 - nothing tells when a port is open
                await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


def request_of(kind: Kind) -> Object:
    """A request to create an object of a kind."""
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "chat", "uid": "u"}, "spec": {"a": 1}}
    return {
        "uid": "review-1",
        "resource": {"group": kind.group, "version": kind.version, "resource": kind.plural},
        "operation": "CREATE",
        "userInfo": {"username": "alice"},
        "object": body,
        "oldObject": None,
        "dryRun": False,
    }

"""Queries to Prometheus over HTTP: bounded in time and size, and honest about what came back."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from modelmatrix.signals.vectors import PrometheusError, Series, Vector, parse_matrix, parse_vector

MAX_ANSWER_BYTES = 16 * 2**20
MAX_RANGE_BYTES = 32 * 2**20
# A look at eight days takes longer than one at the present, and is taken once.
RANGE_PATIENCE = 6.0


@dataclass(frozen=True, slots=True)
class PrometheusAuth:
    """How to be let in: certificates to trust, else the system's, and a bearer token that may change while we run."""

    ca_file: str = ""
    token_file: str = ""

    def ssl_context(self) -> ssl.SSLContext:
        """What to trust.

        Raises:
            OSError: the file is not there or holds no certificates.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            raise OSError(f"cannot use the certificates in {self.ca_file}: {error}") from None

    def headers(self) -> dict[str, str]:
        """Headers that identify us.

        Raises:
            PrometheusError: there is no token in the file.
        """
        if not self.token_file:
            return {}
        try:
            token = Path(self.token_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise PrometheusError(f"the token for Prometheus cannot be read: {error}") from None
        return {"Authorization": f"Bearer {token}"}


class Prometheus:
    """Queries to one Prometheus. Redirects are not followed: its address is the admin's word.

    A name and password in its URL are used, and never told.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        access: PrometheusAuth = PrometheusAuth(),
    ) -> None:
        self._name = without_password(url.rstrip("/"))
        self._url = self._name if access.token_file else url.rstrip("/")
        self._seconds = timeout_seconds
        self._access = access
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            follow_redirects=False,
            transport=transport,
            trust_env=False,
            verify=access.ssl_context(),
        )

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection pool."""
        await self._client.aclose()

    async def query(self, expression: str) -> Vector:
        """The value of an expression now.

        Raises:
            PrometheusError: no answer in time, an error, something that is no answer, or too much of it.
        """
        code, body = await self._ask("query", {"query": expression}, self._seconds, MAX_ANSWER_BYTES)
        return parse_vector(code, body)

    async def query_range(self, expression: str, *, start: float, end: float, step_seconds: float) -> tuple[Series, ...]:
        """The values of an expression from ``start`` to ``end`` (seconds since the epoch) in equal steps.

        Raises:
            PrometheusError: no answer in time, an error, something that is no answer, or too much of it.
        """
        form = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_seconds:.3f}"}
        code, body = await self._ask("query_range", form, RANGE_PATIENCE * self._seconds, MAX_RANGE_BYTES)
        return await asyncio.to_thread(parse_matrix, code, body)

    async def _ask(self, path: str, form: Mapping[str, str], seconds: float, most_bytes: int) -> tuple[int, bytes]:
        """Status code and body. Prometheus is told the time, too: it must not go on for nobody."""
        url, content = f"{self._url}/api/v1/{path}", {**form, "timeout": f"{seconds:g}s"}
        try:
            # httpx bounds the time between two pieces of an answer; one that drips must end, too.
            async with (
                asyncio.timeout(seconds),
                self._client.stream("POST", url, data=content, timeout=seconds, headers=self._access.headers()) as response,
            ):
                return response.status_code, await _read(response, most_bytes)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise PrometheusError(f"Prometheus at {self._name} does not answer within {seconds:g} s") from error
        # ValueError: a host name that no resolver takes.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PrometheusError(f"Prometheus at {self._name} does not answer: {_words(error)}") from error


async def _read(response: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise PrometheusError(f"Prometheus's answer is larger than {most_bytes // 2**20} MiB")
    return bytes(body)


def without_password(text: str) -> str:
    """A text without the names and passwords in its URLs: statuses and logs are for many."""
    return re.sub(r"//[^/?#\s]*@", "//", text)


def _words(error: Exception) -> str:
    return without_password(str(error)) or type(error).__name__

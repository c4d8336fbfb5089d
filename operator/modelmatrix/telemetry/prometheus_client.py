"""Queries to Prometheus over HTTP, bounded in time and size. Every failure is a PrometheusError whose text names the cause."""

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

MAX_INSTANT_RESPONSE_BYTES = 16 * 2**20
MAX_RANGE_RESPONSE_BYTES = 32 * 2**20
# A range query over eight days takes longer than an instant query, and runs once per start of a leader.
RANGE_TIMEOUT_FACTOR = 6.0


@dataclass(frozen=True, slots=True)
class PrometheusAuth:
    """Certificates to trust (empty: those of the system) and a file with a bearer token, which is read for every query."""

    ca_file: str = ""
    token_file: str = ""

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS context with the certificates to trust.

        Raises:
            OSError: the file does not exist or contains no certificate.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            raise OSError(f"cannot use the certificates in {self.ca_file}: {error}") from None

    def headers(self) -> dict[str, str]:
        """The Authorization header; empty without a token file.

        Raises:
            PrometheusError: the token file cannot be read.
        """
        if not self.token_file:
            return {}
        try:
            token = Path(self.token_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise PrometheusError(f"the token for Prometheus cannot be read: {error}") from None
        return {"Authorization": f"Bearer {token}"}


class Prometheus:
    """A client of one Prometheus. Redirects are not followed: the token must go only to the configured address.

    A user name and password in the URL are used, and never appear in messages. A token file takes precedence over them.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        auth: PrometheusAuth = PrometheusAuth(),
    ) -> None:
        self._display_url = redact_credentials(url.rstrip("/"))
        self._url = self._display_url if auth.token_file else url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._auth = auth
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            follow_redirects=False,
            transport=transport,
            trust_env=False,
            verify=auth.ssl_context(),
        )

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection pool."""
        await self._client.aclose()

    async def query(self, expression: str) -> Vector:
        """The value of an expression now (instant query).

        Raises:
            PrometheusError: no response in time, an error, a body that is not a result, or one over 16 MiB.
        """
        code, body = await self._post("query", {"query": expression}, self._timeout_seconds, MAX_INSTANT_RESPONSE_BYTES)
        return parse_vector(code, body)

    async def query_range(self, expression: str, *, start: float, end: float, step_seconds: float) -> tuple[Series, ...]:
        """The values of an expression from ``start`` to ``end`` (seconds since the epoch) in equal steps (range query).

        Raises:
            PrometheusError: no response in time, an error, a body that is not a result, or one over 32 MiB.
        """
        form = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_seconds:.3f}"}
        code, body = await self._post(
            "query_range", form, RANGE_TIMEOUT_FACTOR * self._timeout_seconds, MAX_RANGE_RESPONSE_BYTES
        )
        return await asyncio.to_thread(parse_matrix, code, body)

    async def _post(self, path: str, form: Mapping[str, str], timeout_seconds: float, max_bytes: int) -> tuple[int, bytes]:
        """Status code and body. The timeout is a parameter too, so that Prometheus stops evaluating when the client does."""
        url, content = f"{self._url}/api/v1/{path}", {**form, "timeout": f"{timeout_seconds:g}s"}
        try:
            # httpx bounds only the time between two chunks; a response that arrives slowly must end too.
            async with (
                asyncio.timeout(timeout_seconds),
                self._client.stream(
                    "POST", url, data=content, timeout=timeout_seconds, headers=self._auth.headers()
                ) as response,
            ):
                return response.status_code, await _read(response, max_bytes)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise PrometheusError(f"Prometheus at {self._display_url} does not answer within {timeout_seconds:g} s") from error
        # ValueError: a host name that no resolver accepts.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PrometheusError(f"Prometheus at {self._display_url} does not answer: {_describe(error)}") from error


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise PrometheusError(f"the response of Prometheus is larger than {max_bytes // 2**20} MiB")
    return bytes(body)


def redact_credentials(text: str) -> str:
    """A text without the user names and passwords in its URLs: many people read statuses and logs."""
    return re.sub(r"//[^/?#\s]*@", "//", text)


def _describe(error: Exception) -> str:
    return redact_credentials(str(error)) or type(error).__name__

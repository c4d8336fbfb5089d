"""Instant queries to Prometheus, with everything that can be wrong with an answer told apart from an empty one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

MAX_ANSWER_BYTES = 16 * 2**20
_OK = 200


class PrometheusError(Exception):
    """There is no usable answer; the text says why. Nothing must be concluded from it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a vector; never NaN or infinite."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """An answer. ``warnings`` are Prometheus's own: the answer may be a part only."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


class Prometheus:
    """Queries to one Prometheus. Redirects are not followed: its address is the admin's word."""

    def __init__(self, url: str, timeout_seconds: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False, transport=transport, trust_env=False)

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
        try:
            async with self._client.stream("POST", f"{self._url}/api/v1/query", data={"query": expression}) as response:
                body = await _read(response)
        # ValueError: a host name that no resolver takes.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PrometheusError(f"Prometheus at {self._url} does not answer: {_words(error)}") from error
        return parse(response.status_code, body)


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise PrometheusError(f"Prometheus's answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB")
    return bytes(body)


def parse(code: int, body: bytes) -> Vector:
    """The vector in an answer.

    Values that are no finite number are left out: they are not zero, they are not known.

    Raises:
        PrometheusError: the answer is an error or has another form.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError(f"Prometheus answered {code} with something that is no JSON") from None
    if not isinstance(document, dict) or document.get("status") != "success" or code != _OK:
        said = document.get("error") if isinstance(document, dict) else None
        raise PrometheusError(f"Prometheus answered {code}: {said or 'no success'}")
    try:
        return _vector(document)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise PrometheusError(f"Prometheus's answer has an unknown form: {_words(error)}") from None


def _vector(document: dict[str, Any]) -> Vector:
    data = document["data"]
    if data["resultType"] != "vector" or not isinstance(data["result"], list):
        raise ValueError("a vector was expected")
    samples = tuple(sample for item in data["result"] if (sample := _sample(item)) is not None)
    return Vector(samples, tuple(map(str, document.get("warnings") or ())))


def _sample(item: Any) -> Sample | None:
    value, labels = float(item["value"][1]), {**item["metric"]}
    if not all(isinstance(text, str) for text in labels.values()):
        raise TypeError("a label is no text")
    return Sample(labels, value) if math.isfinite(value) else None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

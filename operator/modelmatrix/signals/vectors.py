"""Prometheus's answers, with everything that can be wrong with one told apart from an empty one. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_OK = 200


class PrometheusError(Exception):
    """There is no usable answer; the text says why. Nothing must be concluded from it."""


# Labels and value of one element of a vector; the value is never NaN or infinite. A fleet has tens of thousands of them.
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Vector:
    """An answer. ``warnings`` are Prometheus's own: the answer may be a part only."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


class Series(NamedTuple):
    """Values over time: pairs of seconds since the epoch and a value that is never NaN or infinite."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def parse_vector(code: int, body: bytes) -> Vector:
    """The vector in an answer.

    Values that are no finite number are left out: they are not zero, they are not known.

    Raises:
        PrometheusError: the answer is an error or has another form.
    """
    document, result = _result(code, body, "vector")
    try:
        return Vector(tuple(_samples(result)), tuple(map(str, document.get("warnings") or ())))
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise _strange(error) from None


def parse_matrix(code: int, body: bytes) -> tuple[Series, ...]:
    """The series in the answer to a range query; values that are no finite number are left out.

    Raises:
        PrometheusError: the answer is an error, a part only, or has another form.
    """
    document, result = _result(code, body, "matrix")
    if document.get("warnings"):
        raise PrometheusError(f"Prometheus's answer is a part only: {document['warnings']}")
    try:
        return tuple(Series(_labels(item), _points(item["values"])) for item in result)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise _strange(error) from None


def _result(code: int, body: bytes, kind: str) -> tuple[dict[str, Any], list[Any]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError(f"Prometheus answered {code} with something that is no JSON") from None
    if not isinstance(document, dict) or document.get("status") != "success" or code != _OK:
        said = document.get("error") if isinstance(document, dict) else None
        raise PrometheusError(f"Prometheus answered {code}: {said or 'no success'}")
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) and data.get("resultType") == kind else None
    if not isinstance(result, list):
        raise _strange(ValueError(f"a {kind} was expected"))
    return document, result


def _strange(error: Exception) -> PrometheusError:
    return PrometheusError(f"Prometheus's answer has an unknown form: {error or type(error).__name__}")


def _samples(result: list[Any]) -> Iterator[Sample]:
    for item in result:
        value = float(item["value"][1])
        if math.isfinite(value):
            yield _labels(item), value


def _labels(item: Any) -> dict[str, str]:
    labels: dict[str, str] = item["metric"]
    if not isinstance(labels, dict):
        raise TypeError("labels have no names")
    "".join(labels.values())  # raises TypeError where one is no text
    return labels


def _points(values: Any) -> tuple[tuple[float, float], ...]:
    points = ((float(second), float(value)) for second, value in values)
    return tuple(point for point in points if math.isfinite(point[0]) and math.isfinite(point[1]))

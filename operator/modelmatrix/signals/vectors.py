"""Prometheus's answers as vectors and series; a faulty answer is an error and never an empty one. Pure.

An empty vector is a fact: nothing matches the query. An error, another form, or an answer that Prometheus itself calls
partial is not a fact, and the two must not look alike: nothing arrives and nothing is known lead to opposite decisions. Values
that are not finite are left out, so that a missing value is always an absent element.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_OK = 200


class PrometheusError(Exception):
    """There is no usable answer; the text gives the reason. Nothing may be concluded from it."""


# Labels and value of one element of a vector; the value is never NaN or infinite. A fleet has tens of thousands of them.
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Vector:
    """An answer. ``warnings`` are those of Prometheus: with one, the answer may be a part only."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


class Series(NamedTuple):
    """Values over time: pairs of seconds since the epoch and a value that is never NaN or infinite."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def parse_vector(code: int, body: bytes) -> Vector:
    """The vector in an answer.

    Values that are not finite are left out: they are unknown, which is not zero.

    Raises:
        PrometheusError: the answer is an error or has another form.
    """
    document, result = _result(code, body, "vector")
    try:
        return Vector(tuple(_samples(result)), tuple(map(str, document.get("warnings") or ())))
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise _unknown_form(error) from None


def parse_matrix(code: int, body: bytes) -> tuple[Series, ...]:
    """The series in the answer to a range query; values that are not finite are left out.

    Raises:
        PrometheusError: the answer is an error, a part only, or has another form.
    """
    document, result = _result(code, body, "matrix")
    if document.get("warnings"):
        raise PrometheusError(f"Prometheus's answer is a part only: {document['warnings']}")
    try:
        return tuple(Series(_labels(element), _points(element["values"])) for element in result)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise _unknown_form(error) from None


def _result(code: int, body: bytes, kind: str) -> tuple[dict[str, Any], list[Any]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError(f"Prometheus answered {code} with something that is not JSON") from None
    if not isinstance(document, dict) or document.get("status") != "success" or code != _OK:
        reason = document.get("error") if isinstance(document, dict) else None
        raise PrometheusError(f"Prometheus answered {code}: {reason or 'no success'}")
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) and data.get("resultType") == kind else None
    if not isinstance(result, list):
        raise _unknown_form(ValueError(f"a {kind} was expected"))
    return document, result


def _unknown_form(error: Exception) -> PrometheusError:
    return PrometheusError(f"Prometheus's answer has an unknown form: {error or type(error).__name__}")


def _samples(result: list[Any]) -> Iterator[Sample]:
    for element in result:
        value = float(element["value"][1])
        if math.isfinite(value):
            yield _labels(element), value


def _labels(element: Any) -> dict[str, str]:
    labels: dict[str, str] = element["metric"]
    if not isinstance(labels, dict):
        raise TypeError("labels have no names")
    "".join(labels.values())  # raises TypeError where one is not text
    return labels


def _points(values: Any) -> tuple[tuple[float, float], ...]:
    points = ((float(second), float(value)) for second, value in values)
    return tuple(point for point in points if math.isfinite(point[0]) and math.isfinite(point[1]))

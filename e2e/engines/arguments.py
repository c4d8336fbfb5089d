"""What an engine's command line says that its metrics depend on: served name, histogram buckets, longest request.

Flags are read as engines read them: ``--flag value``, ``--flag=value``, and within the script of a shell.
"""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engines.metrics.dialect import Dialect


def split_arguments(parts: Iterable[str]) -> list[str]:
    """Command and arguments of a container as words; the script of a shell is split into its own."""
    words: list[str] = []
    for part in parts:
        is_script = "\n" in part or (" " in part and "--" in part and not part.lstrip().startswith(("{", "[")))
        try:
            words += shlex.split(part) if is_script else [part]
        except ValueError:
            # A quote that never closes: not a script then.
            words.append(part)
    return words


def value_of(words: Sequence[str], flag: str | None) -> str | None:
    """The value of a flag, the last one if it is given twice; None without it."""
    values = values_of(words, flag)
    return values[0] if values else None


def values_of(words: Sequence[str], flag: str | None) -> list[str]:
    """All values up to the next flag."""
    found: list[str] = []
    for place, word in enumerate(words):
        if flag is not None and word.startswith(f"{flag}="):
            found = [word.partition("=")[2]]
        elif word == flag:
            following = words[place + 1 :]
            end = next((index for index, one in enumerate(following) if one.startswith("--")), len(following))
            found = list(following[:end])
    return found


def bucket_bounds(dialect: Dialect, words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Bucket bounds by family that the command line sets.

    Raises:
        ValueError: bounds are no increasing numbers; the engine would not start either.
    """
    bounds = _length_bounds(value_of(words, dialect.length_flag))
    for entry in dialect.bucket_flags:
        given = [number for value in values_of(words, entry.flag) for number in value.split()]
        if given:
            bounds[entry.family] = _increasing(entry.flag, [float(number) for number in given])
    for family, listed in _json_bounds(dialect.buckets_flag, words).items():
        bounds[family] = _increasing(f"{dialect.buckets_flag} {family}", listed)
    return bounds


def _json_bounds(flag: str | None, words: Sequence[str]) -> dict[str, list[float]]:
    """Bounds given as one JSON object, or key by key as ``--flag.key [..]``."""
    if flag is None:
        return {}
    given = value_of(words, flag)
    bounds: dict[str, list[float]] = dict(json.loads(given)) if given else {}
    for word in words:
        if word.startswith(f"{flag}."):
            name = word.partition("=")[0]
            bounds[name.removeprefix(f"{flag}.")] = json.loads(value_of(words, name) or "[]")
    return bounds


def _length_bounds(longest: str | None) -> dict[str, tuple[float, ...]]:
    """Token lengths in steps of 1, 2, 5 up to the longest request, as vLLM makes them."""
    if longest is None or not longest.isdigit():
        return {}
    steps = (float(mantissa * 10**exponent) for exponent in range(len(longest)) for mantissa in (1, 2, 5))
    return {"request_tokens": tuple(step for step in steps if step <= int(longest))}


def _increasing(name: str, bounds: Sequence[float]) -> tuple[float, ...]:
    if not bounds or any(later <= earlier for earlier, later in pairwise(bounds)):
        raise ValueError(f"{name}: bucket bounds must be increasing numbers, not {list(bounds)}")
    return tuple(float(bound) for bound in bounds)

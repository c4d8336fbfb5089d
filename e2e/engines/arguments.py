"""Parses the arguments of an engine that its metrics depend on: served name, histogram buckets, longest request.

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
    """The command and arguments of a container as words; a shell script is split into its words."""
    words: list[str] = []
    for part in parts:
        is_script = "\n" in part or (" " in part and "--" in part and not part.lstrip().startswith(("{", "[")))
        try:
            words += shlex.split(part) if is_script else [part]
        except ValueError:
            # An unclosed quote: the part is not a script.
            words.append(part)
    return words


def value_of(words: Sequence[str], flag: str | None) -> str | None:
    """The value of a flag, the last one if it occurs twice; None without the flag."""
    values = values_of(words, flag)
    return values[0] if values else None


def values_of(words: Sequence[str], flag: str | None) -> list[str]:
    """All values of a flag up to the next flag; empty without the flag."""
    values: list[str] = []
    for position, word in enumerate(words):
        if flag is not None and word.startswith(f"{flag}="):
            values = [word.partition("=")[2]]
        elif word == flag:
            following = words[position + 1 :]
            end = next(
                (index for index, following_word in enumerate(following) if following_word.startswith("--")), len(following)
            )
            values = list(following[:end])
    return values


def bucket_bounds(dialect: Dialect, words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The bucket bounds that the command line sets, by family.

    Raises:
        ValueError: bounds are not increasing numbers; a real engine would not start either.
    """
    bounds = _length_bounds(value_of(words, dialect.length_flag))
    for entry in dialect.bucket_flags:
        numbers = [number for value in values_of(words, entry.flag) for number in value.split()]
        if numbers:
            bounds[entry.family] = _increasing(entry.flag, [float(number) for number in numbers])
    for family, listed in _json_bounds(dialect.buckets_flag, words).items():
        bounds[family] = _increasing(f"{dialect.buckets_flag} {family}", listed)
    return bounds


def _json_bounds(flag: str | None, words: Sequence[str]) -> dict[str, list[float]]:
    """Bounds from one JSON object, or from ``--flag.key [..]`` per key."""
    if flag is None:
        return {}
    content = value_of(words, flag)
    bounds: dict[str, list[float]] = dict(json.loads(content)) if content else {}
    for word in words:
        if word.startswith(f"{flag}."):
            name = word.partition("=")[0]
            bounds[name.removeprefix(f"{flag}.")] = json.loads(value_of(words, name) or "[]")
    return bounds


def _length_bounds(longest: str | None) -> dict[str, tuple[float, ...]]:
    """Token lengths in steps of 1, 2, 5 up to the longest request, as in vLLM."""
    if longest is None or not longest.isdigit():
        return {}
    steps = (float(mantissa * 10**exponent) for exponent in range(len(longest)) for mantissa in (1, 2, 5))
    return {"request_tokens": tuple(step for step in steps if step <= int(longest))}


def _increasing(name: str, bounds: Sequence[float]) -> tuple[float, ...]:
    if not bounds or any(later <= earlier for earlier, later in pairwise(bounds)):
        raise ValueError(f"{name}: bucket bounds must be increasing numbers, not {list(bounds)}")
    return tuple(float(bound) for bound in bounds)

"""Arrivals over time: constant, in steps, or from traces of counts with overlays; deterministic for a seed.

Counts are spread at random within their step. Token lengths are the deployment's unless a trace has its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from benchmark.paths import TRACES
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.readers import read_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Lengths of every request."""

    input: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A factor on the rate from a second on, constant for a while or decaying to 1 with a time constant."""

    start_second: int
    duration_seconds: int
    factor: float
    decay_seconds: float = 0.0

    def apply(self, rate: np.ndarray) -> None:
        """Multiply the rates per second in place."""
        part = rate[self.start_second : self.start_second + self.duration_seconds]
        excess = np.full(len(part), self.factor - 1.0)
        if self.decay_seconds:
            excess *= np.exp(-np.arange(len(part)) / self.decay_seconds)
        part *= 1.0 + excess


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppedArrivals:
    """Poisson arrivals at piecewise constant rates: (seconds, requests per second)."""

    steps: tuple[tuple[int, float], ...]
    tokens: Tokens

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""
        rates = np.concatenate([np.full(seconds, rate) for seconds, rate in self.steps])
        return generator(seed, "stairs").poisson(rates).astype(float)

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests."""
        return spread_within_seconds(self.per_second(seed), self.tokens, Random(seed))  # noqa: S311 - a simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTrace:
    """Days of a trace of counts, multiplied by a factor.

    ``flashes`` is the number of five-minute bursts at three times the rate per two days, placed at random by the seed.
    """

    file: str
    tokens: Tokens
    factor: float = 1.0
    first_second: int = 0
    seconds: int = 7 * DAY_SECONDS
    overlays: tuple[Overlay, ...] = ()
    flashes: int = 0

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""
        counts = _counts(TRACES / self.file)
        step = counts.step_seconds
        first = self.first_second // step
        rate = np.repeat(counts.numbers[first : first + self.seconds // step] * (self.factor / step), step)
        for overlay in (*self.overlays, *self._bursts(seed)):
            overlay.apply(rate)
        bins = np.rint(rate.reshape(-1, step).sum(axis=1)).astype(np.int64)
        spread = generator(seed, self.file).multinomial(bins, np.full(step, 1.0 / step))
        return spread.reshape(-1).astype(float)

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests."""
        return spread_within_seconds(self.per_second(seed), self.tokens, Random(seed))  # noqa: S311 - a simulation

    def _bursts(self, seed: int) -> list[Overlay]:
        number = round(self.flashes * self.seconds / (2 * DAY_SECONDS))
        places = generator(seed, "flashes").integers(0, self.seconds - 300, number)
        return [Overlay(start_second=int(place), duration_seconds=300, factor=3.0) for place in places]


@dataclass(frozen=True, slots=True)
class _Counts:
    step_seconds: int
    numbers: np.ndarray


@lru_cache(maxsize=4)
def _counts(path: Path) -> _Counts:
    rows = list(read_counts(path))
    return _Counts(round(rows[0].step_seconds), np.array([row.requests for row in rows]))


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A random generator that depends only on the seed and the purpose."""
    return np.random.default_rng([seed, crc32(purpose.encode())])


def spread_within_seconds(per_second: np.ndarray, tokens: Tokens, random: Random) -> Iterator[Request]:
    """Single requests at random times within their second, in order of arrival."""
    for second, number in enumerate(per_second):
        for place in sorted(random.random() for _ in range(int(number))):
            yield Request(second + place, tokens.input, tokens.output)

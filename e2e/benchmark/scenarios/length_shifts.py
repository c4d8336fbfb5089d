"""Requests whose lengths change at a constant rate: longer prompts, or a prefix cache that has lost its content.

Lengths are drawn from Mooncake's published conversations. Only for the request simulation: a fluid has one mean length.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from benchmark.paths import TRACES
from benchmark.scenarios.arrivals import generator
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.mooncake import read_mooncake

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

FILE = "mooncake/mooncake_conversation.jsonl.gz"


@dataclass(frozen=True, slots=True)
class LengthMix:
    """The requests from a second on: the factor on Mooncake's prompt lengths, and the share of prompts in the prefix cache."""

    second: int
    input_factor: float
    hit_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftingLengths:
    """Poisson arrivals at a constant rate; lengths are interpolated linearly between the seconds of two mixes."""

    seconds: int
    rate: float
    kinds: tuple[LengthMix, ...]

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""
        return generator(seed, "shifts").poisson(self.rate, self.seconds).astype(float)

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests."""
        random, lengths = Random(seed), mooncake_lengths()  # noqa: S311 - a simulation
        for second, number in enumerate(self.per_second(seed)):
            factor, hit_ratio = self.at(second)
            for place in sorted(random.random() for _ in range(int(number))):
                tokens, output = random.choice(lengths)
                yield Request(second + place, max(1, round(factor * tokens)), output, hit_ratio)

    def at(self, second: int) -> tuple[float, float]:
        """The input factor and the hit ratio at a second."""
        index = bisect_right([kind.second for kind in self.kinds], second)
        before = self.kinds[max(0, index - 1)]
        after = self.kinds[min(index, len(self.kinds) - 1)]
        share = (second - before.second) / (after.second - before.second) if after.second > before.second else 0.0
        return (
            before.input_factor + share * (after.input_factor - before.input_factor),
            before.hit_ratio + share * (after.hit_ratio - before.hit_ratio),
        )


@lru_cache(maxsize=1)
def mooncake_lengths() -> tuple[tuple[int, int], ...]:
    """Input and output tokens of every request of Mooncake's published trace."""
    return tuple((one.input_tokens, max(1, one.output_tokens)) for one in read_mooncake(TRACES / FILE))

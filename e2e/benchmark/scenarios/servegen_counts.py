"""ServeGen's client statistics as requests per second: the draws of :mod:`.servegen`, vectorized for millions of requests.

In each window of ten minutes a client's inter-arrival times are drawn from its Gamma or Weibull and scaled to its rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from benchmark.paths import TRACES
from benchmark.scenarios.arrivals import DAY_SECONDS, Tokens, generator, spread_within_seconds
from benchmark.scenarios.servegen import WINDOW_SECONDS, Window, read_clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmatrix.simulation.engine.request import Request

FILE = "servegen/language_m-large_clients_10min.csv.gz"
# Clients whose rates follow the working day of a bank.
WORKDAY_CLIENTS = (142, 56, 15, 156, 48, 31, 69)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMix:
    """Some clients on some days, with their rates multiplied."""

    tokens: Tokens
    clients: tuple[int, ...] = WORKDAY_CLIENTS
    factor: float = 1.0
    first_day: int = 0
    days: int = 1

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""
        seconds = self.days * DAY_SECONDS
        arriving = np.zeros(seconds)
        start = self.first_day * DAY_SECONDS
        random = generator(seed, f"servegen {self.clients}")
        for client in self.clients:
            for window in _windows()[client]:
                if start <= window.second < start + seconds:
                    places = _places(window, self.factor, random)
                    np.add.at(arriving, (places + window.second - start).astype(np.int64), 1.0)
        return arriving

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests."""
        return spread_within_seconds(self.per_second(seed), self.tokens, Random(seed))  # noqa: S311 - a simulation


def _places(window: Window, factor: float, random: np.random.Generator) -> np.ndarray:
    """The arrival times of a window's requests in seconds from its start."""
    number = int(window.rate_per_second * factor * WINDOW_SECONDS + random.random())
    if window.pattern == "Gamma":
        gaps = random.gamma(window.shape, 1.0 / window.shape, number + 1)
    else:
        gaps = random.weibull(window.shape, number + 1)
    ends = np.cumsum(gaps)
    if ends[-1] <= 0:
        return np.zeros(number)
    places: np.ndarray = np.minimum(WINDOW_SECONDS * ends[:number] / ends[-1], np.nextafter(WINDOW_SECONDS, 0.0))
    return places


@lru_cache(maxsize=1)
def _windows() -> dict[int, list[Window]]:
    return read_clients(TRACES / FILE)

"""Counts requests that met their SLO, in total and by the hour of their arrival. Pure."""

from __future__ import annotations

_HOUR_SECONDS = 3600.0


class SloCounter:
    """Requests and how many of them met the SLO; numbers may be fractions, as in the fluid simulation."""

    __slots__ = ("_by_hour",)

    def __init__(self) -> None:
        self._by_hour: dict[int, list[float]] = {}

    def add(self, arrival_seconds: float, requests: float, met: float) -> None:
        """Count ``requests`` that arrived at a time, ``met`` of which met the SLO."""
        hour = self._by_hour.setdefault(int(arrival_seconds // _HOUR_SECONDS), [0.0, 0.0])
        hour[0] += requests
        hour[1] += met

    @property
    def by_hour(self) -> dict[int, tuple[float, float]]:
        """``(requests, met)`` by the hour of arrival; hour 0 begins at second 0."""
        return {hour: (requests, met) for hour, (requests, met) in self._by_hour.items()}

    @property
    def requests(self) -> float:
        """The number of requests counted so far."""
        return sum(requests for requests, _ in self._by_hour.values())

    @property
    def attainment_percent(self) -> float:
        """Percentage of requests that met the SLO; 100 without requests."""
        return _percent(sum(met for _, met in self._by_hour.values()), self.requests)

    @property
    def worst_hour_attainment_percent(self) -> float:
        """The lowest percentage of any hour of arrivals; 100 without requests."""
        return min((_percent(met, requests) for requests, met in self._by_hour.values()), default=100.0)


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 100.0

"""What was learned before a restart, from what Prometheus remembers: days, the skill of forecasters, a busy hour. Pure.

The rest is learned anew: engines tell their timing within minutes, and the margin starts where it always does.
"""

from __future__ import annotations

from modelmatrix.scaling.dispersion import POISSON
from modelmatrix.scaling.forecast import Forecast
from modelmatrix.scaling.memory import Demand, Margin, Memory
from modelmatrix.scaling.observation import History
from modelmatrix.scaling.season import Season, season_of
from modelmatrix.scaling.slo_integral import SloIntegral, usual_per_second

# How long a replica takes to start is not known here; forecasters are compared over a usual time.
HORIZON_SECONDS = 300.0
# Skill is that of the last hours.
SKILL_SECONDS = 21600.0


def rebuilt(history: History, memory: Memory) -> Memory:
    """The memory with what the history teaches."""
    season = season_of(history)
    demand = Demand(season=season, forecast=_forecast(history, season))
    margin = Margin(integral=SloIntegral(usual_per_second=_usual(history)))
    return Memory(demand=demand, margin=margin, shrinking=memory.shrinking)


def _forecast(history: History, season: Season) -> Forecast:
    """The forecasters after they have forecast the last hours once more."""
    forecast, rates, step = Forecast(), history.arrivals_per_second, history.step_seconds
    first = max(0, len(rates) - round(SKILL_SECONDS / step))
    for index, rate in enumerate(rates[first:], start=first):
        if rate is not None:
            second = history.first_second + index * step
            noise = POISSON / max(1.0, rate * step)
            forecast = forecast.learned(season, second, minute=rate, long=rate, horizon_seconds=HORIZON_SECONDS, noise=noise)
    return forecast


def _usual(history: History) -> float:
    usual = 0.0
    for rate in history.arrivals_per_second:
        if rate is not None:
            usual = usual_per_second(usual, rate, history.step_seconds)
    return usual

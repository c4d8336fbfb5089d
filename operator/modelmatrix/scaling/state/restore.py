"""What was learned before a restart, from what Prometheus remembers: days, the skill of forecasters, a busy hour. Pure.

The rest is learned anew: engines tell their timing within minutes, and the margin starts where it always does.
"""

from __future__ import annotations

from modelmatrix.scaling.estimate.burstiness import POISSON
from modelmatrix.scaling.estimate.forecast import ForecastEnsemble
from modelmatrix.scaling.estimate.safety_margin import SafetyMargin, busy_hour_rate
from modelmatrix.scaling.estimate.seasonality import Season, season_of
from modelmatrix.scaling.observation.observation import History
from modelmatrix.scaling.state.state import DemandEstimate, PolicyState, SafetyMarginState

# How long a replica takes to start is not known here; forecasters are compared over a usual time.
HORIZON_SECONDS = 300.0
# Skill is that of the last hours.
SKILL_SECONDS = 21600.0


def restore_state(history: History, memory: PolicyState) -> PolicyState:
    """The memory with what the history teaches."""
    season = season_of(history)
    demand = DemandEstimate(season=season, forecast=_forecast(history, season))
    margin = SafetyMarginState(integral=SafetyMargin(usual_per_second=_usual(history)))
    return PolicyState(demand=demand, margin=margin, shrinking=memory.shrinking)


def _forecast(history: History, season: Season) -> ForecastEnsemble:
    """The forecasters after they have forecast the last hours once more."""
    forecast, rates, step = ForecastEnsemble(), history.arrivals_per_second, history.step_seconds
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
            usual = busy_hour_rate(usual, rate, history.step_seconds)
    return usual

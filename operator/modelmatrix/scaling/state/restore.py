"""Restores the policy's state after an operator restart from the arrival rates that Prometheus has stored. Pure.

Restored are the season (up to eight days), the skill of the forecasters (the last hours are forecast once more) and the rate
of a busy hour. The rest is learned again: engines show their timing within minutes, and the margin starts at its default.
"""

from __future__ import annotations

from modelmatrix.scaling.estimate.burstiness import POISSON
from modelmatrix.scaling.estimate.forecast import ForecastEnsemble
from modelmatrix.scaling.estimate.safety_margin import SafetyMargin, busy_hour_rate
from modelmatrix.scaling.estimate.seasonality import Season, season_from_history
from modelmatrix.scaling.observation.observation import History
from modelmatrix.scaling.state.state import DemandEstimate, PolicyState, SafetyMarginState

# The start time of a replica is not known yet; forecasters are compared over a common one.
HORIZON_SECONDS = 300.0
# The skill of a forecaster is that of the last hours.
SKILL_SECONDS = 21600.0


def restore_state(history: History, initial: PolicyState) -> PolicyState:
    """The initial state with what the history teaches."""
    season = season_from_history(history)
    demand = DemandEstimate(season=season, forecast=_forecast(history, season))
    margin = SafetyMarginState(safety_margin=SafetyMargin(busy_per_second=_busy_per_second(history)))
    return PolicyState(demand=demand, margin=margin, scale_down=initial.scale_down)


def _forecast(history: History, season: Season) -> ForecastEnsemble:
    """The forecasters after they have forecast the last hours once more."""
    forecast, rates, step = ForecastEnsemble(), history.arrivals_per_second, history.step_seconds
    first = max(0, len(rates) - round(SKILL_SECONDS / step))
    for index, rate in enumerate(rates[first:], start=first):
        if rate is not None:
            second = history.first_second + index * step
            noise = POISSON / max(1.0, rate * step)
            forecast = forecast.updated(season, second, minute=rate, long=rate, horizon_seconds=HORIZON_SECONDS, noise=noise)
    return forecast


def _busy_per_second(history: History) -> float:
    busy_per_second = 0.0
    for rate in history.arrivals_per_second:
        if rate is not None:
            busy_per_second = busy_hour_rate(busy_per_second, rate, history.step_seconds)
    return busy_per_second

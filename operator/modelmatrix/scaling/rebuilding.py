"""What was learned before a restart, from what Prometheus remembers: days, forecasters' skill, the margin. Pure."""

from __future__ import annotations

from modelmatrix.scaling.dispersion import Dispersion
from modelmatrix.scaling.forecast import Forecast
from modelmatrix.scaling.memory import Demand, Margin, Memory
from modelmatrix.scaling.observation import History
from modelmatrix.scaling.season import season_of

# How long a replica takes is not known here; forecasters are compared over a usual time.
HORIZON_SECONDS = 300.0


def rebuilt(history: History, memory: Memory) -> Memory:
    """The memory with what the history teaches."""
    season = season_of(history)
    forecast = Forecast()
    return Memory(demand=Demand(season, forecast, Dispersion()), margin=Margin(), shrinking=memory.shrinking)

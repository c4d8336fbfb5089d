"""What the scaling policy remembers of one deployment: all of it learned, none of it needed to be safe. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from modelmatrix.performance.timing import Lengths
from modelmatrix.scaling.capacity import Capacity
from modelmatrix.scaling.dispersion import Dispersion
from modelmatrix.scaling.engine_fit import EngineFit
from modelmatrix.scaling.forecast import Forecast
from modelmatrix.scaling.season import Season
from modelmatrix.scaling.slo_integral import SloIntegral
from modelmatrix.scaling.starts import Starts
from modelmatrix.scaling.tail import Tail
from modelmatrix.scaling.work import Work

# Lengths of a conversation, until the deployment's own are known (means of a public trace).
USUAL_LENGTHS = Lengths(input_tokens=1155.0, output_tokens=211.0)

# Seconds and numbers of replicas.
Recommended = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PoolMemory:
    """What was learned of one pool.

    ``capacity`` is that within the SLO. ``fallback`` is that without any bound; it is there only where not even a single
    request meets the SLO. ``start_seconds`` is the start time to reckon with. Until ``shunned_until`` replicas are rather
    started elsewhere, because some did not come.
    """

    capacity: Capacity
    fallback: Capacity | None
    fit: EngineFit
    starts: Starts
    start_seconds: float
    shunned_until: float = -inf


@dataclass(frozen=True, slots=True)
class Demand:
    """How much arrives at this time of the day, how well that is forecast, how bursty it is, and how much work."""

    season: Season = field(default_factory=Season)
    forecast: Forecast = field(default_factory=Forecast)
    dispersion: Dispersion = field(default_factory=Dispersion)
    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True)
class Margin:
    """How far from the edge replicas are kept; when that was judged last, and how many replicas were ready then."""

    tail: Tail = field(default_factory=Tail)
    integral: SloIntegral = field(default_factory=SloIntegral)
    judged_second: float = -inf
    judged_ready: int = 0


@dataclass(frozen=True, slots=True)
class Shrinking:
    """What keeps replicas from going away too soon.

    ``recommended`` are the highest numbers of the last minutes with their times, falling; ``stepped_second`` is when
    replicas went last, ``busy_second`` when there was traffic last.
    """

    recommended: Recommended = ()
    stepped_second: float = -inf
    busy_second: float = -inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that is remembered. ``minute_second`` is when the things that are learned once a minute were learned last."""

    looks: int = 0
    lengths: Lengths = USUAL_LENGTHS
    pools: Mapping[str, PoolMemory] = field(default_factory=dict)
    demand: Demand = field(default_factory=Demand)
    margin: Margin = field(default_factory=Margin)
    shrinking: Shrinking = field(default_factory=Shrinking)
    minute_second: float = -inf
    fast_per_second: float = 0.0

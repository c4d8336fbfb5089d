"""What the scaling policy remembers of one deployment: all of it learned, none of it needed to be safe. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.scaling.estimate.burstiness import ArrivalDispersion
from modelmatrix.scaling.estimate.engine_timing import EngineFit
from modelmatrix.scaling.estimate.forecast import ForecastEnsemble
from modelmatrix.scaling.estimate.miss_curve import MissCurve
from modelmatrix.scaling.estimate.replica_capacity import Capacity
from modelmatrix.scaling.estimate.request_work import RequestWork
from modelmatrix.scaling.estimate.safety_margin import SafetyMargin
from modelmatrix.scaling.estimate.seasonality import Season
from modelmatrix.scaling.estimate.startup_times import StartupTimes

# Lengths of a conversation, until the deployment's own are known (means of a public trace).
USUAL_LENGTHS = TokenLengths(input_tokens=1155.0, output_tokens=211.0)

# Seconds and numbers of replicas.
Recommended = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PoolEstimates:
    """What was learned of one pool.

    ``capacity`` is that within the SLO. ``fallback`` is that without any bound; it is there only where not even a single
    request meets the SLO. ``start_seconds`` is the start time to reckon with. Until ``shunned_until`` replicas are rather
    started elsewhere, because some did not come.
    """

    capacity: Capacity
    fallback: Capacity | None
    fit: EngineFit
    starts: StartupTimes
    start_seconds: float
    shunned_until: float = -inf


@dataclass(frozen=True, slots=True)
class DemandEstimate:
    """How much arrives at this time of the day, how well that is forecast, how bursty it is, and how much work."""

    season: Season = field(default_factory=Season)
    forecast: ForecastEnsemble = field(default_factory=ForecastEnsemble)
    dispersion: ArrivalDispersion = field(default_factory=ArrivalDispersion)
    work: RequestWork = field(default_factory=RequestWork)


@dataclass(frozen=True, slots=True)
class SafetyMarginState:
    """How far from the edge replicas are kept; when that was judged last, and how many replicas were ready then."""

    tail: MissCurve = field(default_factory=MissCurve)
    integral: SafetyMargin = field(default_factory=SafetyMargin)
    judged_second: float = -inf
    judged_ready: int = 0


@dataclass(frozen=True, slots=True)
class ScaleDownState:
    """What keeps replicas from going away too soon.

    ``recommended`` are the highest numbers of the last minutes with their times, falling; ``stepped_second`` is when
    replicas went last, ``busy_second`` when there was traffic last.
    """

    recommended: Recommended = ()
    stepped_second: float = -inf
    busy_second: float = -inf


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """All that is remembered. ``minute_second`` is when the things that are learned once a minute were learned last."""

    looks: int = 0
    lengths: TokenLengths = USUAL_LENGTHS
    pools: Mapping[str, PoolEstimates] = field(default_factory=dict)
    demand: DemandEstimate = field(default_factory=DemandEstimate)
    margin: SafetyMarginState = field(default_factory=SafetyMarginState)
    shrinking: ScaleDownState = field(default_factory=ScaleDownState)
    minute_second: float = -inf
    fast_per_second: float = 0.0

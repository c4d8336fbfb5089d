"""What the scaling policy remembers of one deployment. All of it is learned, and none of it is needed to be safe. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.scaling.estimate.burstiness import ArrivalDispersion
from modelmatrix.scaling.estimate.engine_timing import EngineFit
from modelmatrix.scaling.estimate.forecast import ForecastEnsemble
from modelmatrix.scaling.estimate.miss_curve import MissCurve
from modelmatrix.scaling.estimate.replica_capacity import CapacityEstimate
from modelmatrix.scaling.estimate.request_work import RequestWork
from modelmatrix.scaling.estimate.safety_margin import SafetyMargin
from modelmatrix.scaling.estimate.seasonality import Season
from modelmatrix.scaling.estimate.startup_times import StartupTimes

# Lengths of a conversation, until the deployment's own are measured: means of the Azure LLM inference trace of 2024.
DEFAULT_LENGTHS = TokenLengths(input_tokens=1155.0, output_tokens=211.0)

# Pairs of a second and a number of replicas.
Recommendations = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PoolEstimates:
    """What was learned of one pool.

    ``capacity`` is that within the SLO. ``fallback`` is that without any bound, computed only if not even a single request
    meets the SLO. ``start_seconds`` is the start time to expect. Until ``avoided_until_second`` new replicas go to other
    pools, because replicas did not become ready here.
    """

    capacity: CapacityEstimate
    fallback: CapacityEstimate | None
    fit: EngineFit
    startup_times: StartupTimes
    start_seconds: float
    avoided_until_second: float = -inf


@dataclass(frozen=True, slots=True)
class DemandEstimate:
    """Arrival rates by time of day, their forecast, their burstiness, and the work of a request."""

    season: Season = field(default_factory=Season)
    forecast: ForecastEnsemble = field(default_factory=ForecastEnsemble)
    dispersion: ArrivalDispersion = field(default_factory=ArrivalDispersion)
    work: RequestWork = field(default_factory=RequestWork)


@dataclass(frozen=True, slots=True)
class SafetyMarginState:
    """The margin and the sharpness of the edge; when they were evaluated last, and how many replicas were ready then."""

    miss_curve: MissCurve = field(default_factory=MissCurve)
    safety_margin: SafetyMargin = field(default_factory=SafetyMargin)
    evaluated_at_second: float = -inf
    evaluated_ready: int = 0


@dataclass(frozen=True, slots=True)
class ScaleDownState:
    """What delays a reduction.

    ``recommendations`` are the highest numbers of the last minutes with their times, falling; ``reduced_at_second`` is when
    replicas were removed last, ``last_busy_second`` when there was traffic last.
    """

    recommendations: Recommendations = ()
    reduced_at_second: float = -inf
    last_busy_second: float = -inf


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """The whole state. ``minute_updated_at_second`` is when the estimates that change once a minute were updated last.

    ``samples_seen`` counts the observations since the start, ``previous_fast_per_second`` is the fast arrival rate of the last.
    """

    samples_seen: int = 0
    lengths: TokenLengths = DEFAULT_LENGTHS
    pools: Mapping[str, PoolEstimates] = field(default_factory=dict)
    demand: DemandEstimate = field(default_factory=DemandEstimate)
    margin: SafetyMarginState = field(default_factory=SafetyMarginState)
    scale_down: ScaleDownState = field(default_factory=ScaleDownState)
    minute_updated_at_second: float = -inf
    previous_fast_per_second: float = 0.0

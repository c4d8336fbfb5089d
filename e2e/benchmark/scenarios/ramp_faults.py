"""S7: faults in the steepest part of a working morning, and the same mornings without faults. Data only."""

from __future__ import annotations

from dataclasses import replace

from benchmark.scenarios.scenario import HOUR_SECONDS, Fault, Mode, Pool, Scenario, ScenarioFault
from benchmark.scenarios.workloads import CODE_TOKENS, MONDAY, coding, one_model

_RAMP = 2 * HOUR_SECONDS
_POOL = "devices"

_TROUBLES: tuple[tuple[str, str, Fault], ...] = (
    ("lost", "no metrics for 10 min at the ramp", Fault(kind=ScenarioFault.METRICS_LOST, start_second=_RAMP)),
    ("frozen", "pages frozen for 10 min at the ramp", Fault(kind=ScenarioFault.METRICS_FROZEN, start_second=_RAMP)),
    ("nan", "gauges not a number for 10 min at the ramp", Fault(kind=ScenarioFault.METRICS_NAN, start_second=_RAMP)),
    ("reset", "all counters start again", Fault(kind=ScenarioFault.COUNTERS_RESET, start_second=_RAMP)),
    (
        "pool",
        "half of the devices lost for an hour",
        Fault(kind=ScenarioFault.POOL_HALVED, start_second=_RAMP, duration_seconds=HOUR_SECONDS, pool=_POOL),
    ),
    (
        "quota",
        "no further devices for 20 min at the ramp",
        Fault(kind=ScenarioFault.QUOTA_FROZEN, start_second=_RAMP, duration_seconds=1200, pool=_POOL),
    ),
    ("restart", "the autoscaler forgets everything", Fault(kind=ScenarioFault.SCALER_RESTARTED, start_second=_RAMP)),
)


def mornings() -> list[Scenario]:
    """Six hours around the ramp, without a fault and with one fault each, as a fluid."""
    seconds = 6 * HOUR_SECONDS
    calm = Scenario(
        id="S7-none",
        title="a working morning without a fault",
        seconds=seconds,
        deployments=(one_model(coding(first_second=MONDAY + 11 * HOUR_SECONDS, seconds=seconds), CODE_TOKENS),),
        pools=(Pool(name=_POOL, devices=64),),
        is_fault=True,
        is_tuned=False,
    )
    return [calm, *(replace(calm, id=f"S7-{name}", title=title, faults=(fault,)) for name, title, fault in _TROUBLES)]


def slow_replica() -> list[Scenario]:
    """One slow replica among others, in the request simulation, because all replicas of a fluid are equal."""
    seconds = HOUR_SECONDS
    arrivals = coding(first_second=MONDAY + 14 * HOUR_SECONDS, seconds=seconds, factor=0.4)
    calm = Scenario(
        id="S7-none-slow",
        title="an hour of a working day",
        seconds=seconds,
        deployments=(one_model(arrivals, CODE_TOKENS),),
        mode=Mode.REQUEST,
        is_fault=True,
        is_tuned=False,
    )
    fault = Fault(kind=ScenarioFault.REPLICA_SLOW, start_second=1200, duration_seconds=1200)
    return [calm, replace(calm, id="S7-slow", title="one replica's steps take twice as long for 20 min", faults=(fault,))]

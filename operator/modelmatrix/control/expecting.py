"""What Prometheus should know of a deployment, from the last plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.control.starts import Moment
from modelmatrix.planning.outlook import Outlook
from modelmatrix.telemetry.presence import Leader
from modelmatrix.telemetry.reading import Expected
from modelmatrix.telemetry.slo_bounds import counted_bounds

USUAL_PERCENTILE = 95


def expected(outlook: Outlook, catalogue: Catalogue, now: Moment) -> Expected:
    """What Prometheus should know of a deployment."""
    spec = outlook.member.case.spec
    engines = {option.pool: catalogue.engines.get(option.answer.engine) for option in outlook.member.case.fitting}
    known = {pool: engine for pool, engine in engines.items() if engine is not None}
    leaders = tuple(_leaders(outlook, catalogue, now))
    return Expected(
        leaders=leaders,
        draining=sum(replicas.draining for _, replicas in outlook.observed),
        dialects={pool: catalogue.dialects[engine.dialect] for pool, engine in known.items()},
        bounds=counted_bounds(catalogue, known.values(), spec.slo if spec else None),
        percentile=percentile_of(outlook),
        is_asleep=outlook.desired == 0 and not leaders,
    )


def percentile_of(outlook: Outlook) -> int:
    """The percentile of a deployment's SLO, or the usual one."""
    spec = outlook.member.case.spec
    return spec.slo.percentile if spec is not None and spec.slo is not None else USUAL_PERCENTILE


def _leaders(outlook: Outlook, catalogue: Catalogue, now: Moment) -> Iterator[Leader]:
    for workload, replicas in outlook.observed:
        engine = catalogue.engines.get(workload.engine)
        if engine is None:
            continue  # an engine that is no longer known: nobody can say what it reports
        for replica in replicas.replicas:
            leader = replica.leader
            if leader is not None:
                yield Leader(
                    pod=leader.key.name,
                    pool=workload.pool,
                    engine=workload.engine,
                    dialect=catalogue.dialects[engine.dialect],
                    ready_seconds=now.age(leader.ready_seconds) if replica.ready else None,
                )

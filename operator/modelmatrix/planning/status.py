"""Status of a ModelDeployment: what users, autoscalers and GitOps tools read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.conditions import render_conditions, shorten, timestamp
from modelmatrix.planning.outlook import Outlook, PlacedOn
from modelmatrix.planning.placement import price_per_hour
from modelmatrix.planning.shortages import shortage_message
from modelmatrix.planning.snapshot import Measured, Snapshot
from modelmatrix.planning.states import condition_states
from modelmatrix.planning.verdicts import Verdict

HISTORY_LENGTH = 5
ATTAINMENT_STEP_PERCENT = 1.0  # smaller changes of a measurement are no news: a status write costs the API server
LATENCY_STEP_SHARE = 0.1


def deployment_status(outlook: Outlook, snapshot: Snapshot) -> dict[str, Any]:
    """The whole status. Fields without a value are left out."""
    view, previous = outlook.member.case.view, outlook.member.case.view.status
    placements = [_placement(item) for item in outlook.placed]
    fields = {
        "replicas": outlook.existing,
        "readyReplicas": outlook.ready,
        "desiredReplicas": previous.get("desiredReplicas") if outlook.member.wanted is None else outlook.desired,
        "selector": f"{names.LABEL_DEPLOYMENT}={view.key.name},{names.LABEL_ROLE}={names.ROLE_LEADER}",
        "model": outlook.member.case.model or None,
        "placements": placements,
        "placementSummary": _summary(outlook),
        "candidates": _candidates(outlook),
        "endpoint": f"http://{view.key.name}.{view.key.namespace}.svc.{snapshot.settings.cluster_domain}/v1",
        "slo": _slo(snapshot.measured.get(view.key), previous.get("slo", {})),
        "costPerHour": _cost(outlook),
        "scalingHistory": _history(outlook, previous, snapshot.wall_seconds),
        "conditions": render_conditions(
            condition_states(outlook, snapshot),
            previous.get("conditions", ()),
            generation=view.generation,
            now_seconds=snapshot.wall_seconds,
        ),
        "observedGeneration": view.generation,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _placement(item: PlacedOn) -> dict[str, Any]:
    layout, answer = item.target.layout, item.option.answer
    return {
        "pool": item.option.pool,
        "quantization": str(item.option.quantization),
        "engine": answer.engine,
        "image": item.target.image,
        "devicesPerReplica": layout.devices,
        "nodesPerReplica": layout.nodes,
        "parallelism": _cut(layout.parallelism),
        "desired": item.desired,
        "ready": item.ready,
    }


def _cut(parallelism: Parallelism) -> dict[str, int]:
    return {
        "tensor": parallelism.tensor,
        "pipeline": parallelism.pipeline,
        "data": parallelism.data,
        "expert": parallelism.expert,
    }


def _summary(outlook: Outlook) -> str:
    parts = [f"{p.option.pool}/{p.option.quantization}:{p.desired}" for p in outlook.placed if p.desired]
    return " ".join(parts) or "-"


def _candidates(outlook: Outlook) -> list[dict[str, Any]]:
    shown = []
    for option in outlook.member.case.options:
        answer = option.answer
        verdict, reason, message = answer.verdict, answer.reason, answer.message
        if option.fits and outlook.assignment.shortage and not outlook.rooms.get(option.pool):
            verdict, reason = Verdict.NO_CAPACITY, Reason.INSUFFICIENT_DEVICES
            message = shortage_message(option, outlook.pools[option.pool])
        shown.append(
            {
                "pool": option.pool,
                "quantization": str(option.quantization),
                "engine": answer.engine,
                "verdict": str(verdict),
                "reason": str(reason),
                "message": shorten(message),
            }
        )
    return shown


def _cost(outlook: Outlook) -> str | None:
    """Price of the wanted replicas' devices, per currency; ``None`` when no pool has a price."""
    sums: dict[str, Decimal] = {}
    for item in outlook.placed:
        price = item.target.pool_spec.price
        if price is not None:
            cost = price_per_hour(item.option, outlook.pools[item.option.pool]) * item.desired
            sums[price.currency] = sums.get(price.currency, Decimal(0)) + cost
    return " + ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(sums.items())) or None


def _slo(measured: Measured | None, previous: Mapping[str, Any]) -> dict[str, Any] | None:
    """Measured latency; the previous figures stay as long as they are about right."""
    if measured is None or measured.attainment_percent is None:
        return dict(previous) or None
    figures = {
        "attainmentPercent": f"{measured.attainment_percent:.1f}",
        "ttftMilliseconds": measured.ttft_milliseconds,
        "tpotMilliseconds": measured.tpot_milliseconds,
        "observedSeconds": measured.observed_seconds,
    }
    if _about_the_same(measured, previous):
        return dict(previous)
    return {key: value for key, value in figures.items() if value is not None}


def _about_the_same(measured: Measured, previous: Mapping[str, Any]) -> bool:
    try:
        attained = float(previous["attainmentPercent"])
    except (KeyError, ValueError):
        return False
    if abs(attained - (measured.attainment_percent or 0.0)) >= ATTAINMENT_STEP_PERCENT:
        return False
    pairs = (
        (measured.ttft_milliseconds, previous.get("ttftMilliseconds")),
        (measured.tpot_milliseconds, previous.get("tpotMilliseconds")),
    )
    return all(_close(new, old) for new, old in pairs)


def _close(new: int | None, old: int | None) -> bool:
    if new is None or old is None:
        return new is old
    return abs(new - old) <= LATENCY_STEP_SHARE * max(old, 1)


def _history(outlook: Outlook, previous: Mapping[str, Any], now_seconds: float) -> list[dict[str, Any]]:
    """The last changes of the wanted number; the first number of a new deployment is no change."""
    history = list(previous.get("scalingHistory", ()))
    before, wanted = previous.get("desiredReplicas"), outlook.member.wanted
    if before is None or wanted is None or before == wanted.replicas:
        return history
    record = {
        "time": timestamp(now_seconds),
        "from": before,
        "to": wanted.replicas,
        "reason": str(wanted.reason),
        "message": shorten(wanted.message),
    }
    return [record, *history][:HISTORY_LENGTH]

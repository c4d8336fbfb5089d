"""The ModelDeployment of each row of an institution's matrix."""

from __future__ import annotations

from typing import Any

from banks.matrix import ACCELERATORS, Institution, Matrix, Row, model_name, quantization_of
from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.fit import FitRequest, fit

TIME_ZONE = "Asia/Shanghai"
LENGTHS = (4096, 8192, 16384, 32768)
CONTEXT_MARGIN = 1.5  # context length relative to the mean request; assumed
BATCH_LENGTH = 16384
WINDOWS = {
    "overnight_batch": ("night", "0 20 * * *", "0 7 * * *"),
    "after_close_batch": ("after-close", "0 15 * * 1-5", "0 22 * * 1-5"),
}

Manifest = dict[str, Any]


def namespace_of(bank: Institution, row: Row) -> str:
    """The namespace of a row's tenant: one per institution and tenant."""
    return f"{bank.id}-{row['tenant']}"


def deployment(matrix: Matrix, bank: Institution, row: Row) -> Manifest:
    """The ModelDeployment manifest of a row."""
    model, quantization = model_name(row["model"]), quantization_of(row)
    length = max_model_len(model, row)
    spec: Manifest = {
        "model": {"name": model, "source": f"s3://models/{model.lower()}-{quantization.lower()}"},
        "quantization": quantization,
        "pools": [_pool(matrix, bank, row, name, length=length) for name in row["pools"]],
        "maxModelLen": length,
        **_replicas(row),
    }
    slo = _slo(row["slo"])
    if slo:
        spec["slo"] = slo
    spec |= {"priority": row["priority"], "tenant": row["tenant"]}
    if row.get("activeActive"):
        spec["placement"] = "Spread"
    return {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": row["id"],
            "namespace": namespace_of(bank, row),
            "annotations": {"modelmatrix.io/scenario": row["scenarioEn"]},
        },
        "spec": spec,
    }


def max_model_len(model: str, row: Row) -> int:
    """Context length in tokens: the row's mean request with a margin, at most the model's default length."""
    model_entry = builtin().model(model)
    longest = model_entry.facts.default_max_model_len if model_entry else BATCH_LENGTH
    traffic = row["traffic"]
    tokens = traffic.get("tokensIn", 0) + traffic.get("tokensOut", 0)
    if not tokens:
        return min(BATCH_LENGTH, longest)
    return min(next((length for length in LENGTHS if length >= CONTEXT_MARGIN * tokens), LENGTHS[-1]), longest)


def _pool(matrix: Matrix, bank: Institution, row: Row, name: str, *, length: int) -> Manifest:
    candidate: Manifest = {"name": f"{bank.id}-{name}"}
    parallelism = _parallelism(matrix, bank, row, name, length=length)
    return candidate | ({"parallelism": parallelism} if parallelism else {})


def _parallelism(matrix: Matrix, bank: Institution, row: Row, name: str, *, length: int) -> Manifest | None:
    """The parallelism of the row's profile if it has more devices than the smallest layout that fits, else None."""
    pool = next(pool for pool in bank.pools if pool["name"] == name)
    profile = matrix.profiles[row["profile"]]
    devices, nodes = profile["devicesPerReplica"], profile["nodesPerReplica"]
    model = builtin().model(model_name(row["model"]))
    assert model is not None, row["model"]
    request = FitRequest(
        model=model,
        quantization=Quantization(quantization_of(row)),
        scheme=Scheme.S3,
        engine=None,
        parallelism=None,
        max_model_len=length,
        unlisted=UnlistedPolicy.REFUSE,
        accelerator=builtin().accelerators[ACCELERATORS[pool["accelerator"]].accelerator],
        devices_per_node=matrix.devices_per_node[pool["accelerator"]],
        nodes=pool["nodes"],
    )
    layout = fit(builtin(), request).layout
    if layout is not None and layout.devices >= devices:
        return None
    return {"tensor": devices // nodes} | ({"pipeline": nodes} if nodes > 1 else {})


def _replicas(row: Row) -> Manifest:
    replicas, batch = row["replicas"], WINDOWS.get(row["traffic"]["shape"])
    if replicas["min"] == replicas["max"]:
        return {"replicas": replicas["min"]}
    scaling: Manifest = {"minReplicas": replicas["min"], "maxReplicas": replicas["max"]}
    if batch and "deadline" in row["slo"]:
        name, start, end = batch
        scaling["schedule"] = [_window(name, start, end, replicas["peakNeed"])]
    elif "schedule" in row:
        day, night = row["schedule"]  # the data gives steps; a window is a step up and the step down after it
        if day["minReplicas"] > replicas["min"]:
            scaling["schedule"] = [_window("office-hours", day["cron"], night["cron"], day["minReplicas"])]
    return {"scaling": scaling}


def _window(name: str, start: str, end: str, replicas: int) -> Manifest:
    return {"name": name, "start": start, "end": end, "timeZone": TIME_ZONE, "minReplicas": replicas}


def _slo(slo: Manifest) -> Manifest:
    names = {"ttftP95Ms": "ttftMilliseconds", "tpotP95Ms": "tpotMilliseconds", "e2eP95Ms": "e2eMilliseconds"}
    return {names[key]: value for key, value in slo.items() if key in names}

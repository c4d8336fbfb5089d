"""Selects the deployment that gets the demo's traffic, and scales the traffic: the steepest half hour of a real week."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from banks.deployments import namespace_of
from banks.matrix import Institution, Row, read_matrix
from benchmark.scenarios.trace_windows import steepest_window
from engines.cluster.pods import DEPLOYMENT_LABEL, pod_view
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
from modelmatrix.simulation.traces.readers import read_counts
from playground.engines import catalogue_profiles
from playground.options import REPOSITORY

TRACE = REPOSITORY / "tests" / "traces" / "azure" / "azure2024_coding_10s_counts.csv.gz"
RAMP_SECONDS = 1800.0
PEAK_SECONDS = 60.0
MIN_ADDABLE_REPLICAS = 2  # fewer scaling steps would not be visible
SETTLED_SHARE = 0.25  # rate after the ramp, relative to its first minute
MILLISECONDS = 1000.0
DEFAULT_PERCENTILE = 95

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ramp:
    """Half an hour of the trace: its start, the factor of its counts, and its rates.

    The rates are in requests per second, of the first and of the busiest minute, after multiplication by the factor.
    """

    offset_seconds: float
    factor: float
    first_per_second: float
    peak_per_second: float


@dataclass(frozen=True, slots=True)
class Target:
    """The deployment that gets the traffic, with its row of the matrix and its manifest."""

    bank: Institution
    row: Row
    manifest: Document

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{namespace_of(self.bank, self.row)}/{self.row['id']}"

    @property
    def peak_per_second(self) -> float:
        """Requests per second at the row's peak."""
        return float(self.row["traffic"]["peakRps"])

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds of the SLO by name: ``ttft_seconds``, ``tpot_seconds``, ``e2e_seconds``."""
        slo = self.manifest["spec"]["slo"]
        signals = ("ttft", "tpot", "e2e")
        return {
            f"{name}_seconds": slo[f"{name}Milliseconds"] / MILLISECONDS for name in signals if f"{name}Milliseconds" in slo
        }

    @property
    def percentile(self) -> int:
        """The percentage of requests that must meet the bounds."""
        return int(self.manifest["spec"]["slo"].get("percentile", DEFAULT_PERCENTILE))


def find_target(bank_folder: Path) -> Target:
    """The scaled row with the highest peak, preferably one with at least two replicas to add.

    Raises:
        LocalClusterError: no row of the institution scales by latency.
    """
    bank = next(item for item in read_matrix().institutions if item.id == bank_folder.name)
    manifests = {item["metadata"]["name"]: item for item in _documents(bank_folder / "deployments.yaml")}
    targets = [Target(bank, row, manifests[row["id"]]) for row in bank.served_rows if _is_usable(row, manifests)]
    if not targets:
        raise LocalClusterError(f"no deployment of '{bank.id}' scales by latency; try BANK=jsbank")
    return max(targets, key=_rank)


def _rank(target: Target) -> tuple[int, float]:
    return min(MIN_ADDABLE_REPLICAS, _addable_replicas(target.manifest)), target.peak_per_second


def steepest_ramp(peak_per_second: float) -> Ramp:
    """The half hour of the trace in which the rate grows most, scaled to a peak rate."""
    counts = list(read_counts(TRACE))
    step = counts[0].step_seconds
    offset = steepest_window([count.requests for count in counts], step, window_seconds=RAMP_SECONDS)
    within = [count.requests for count in counts if offset <= count.second < offset + RAMP_SECONDS]
    width = round(PEAK_SECONDS / step)
    minutes = [sum(within[start : start + width]) / PEAK_SECONDS for start in range(0, len(within), width)]
    factor = peak_per_second / max(minutes)
    return Ramp(offset, factor, factor * minutes[0], peak_per_second)


def largest_fleet_capacity(cluster: Cluster, target: Target) -> float:
    """Requests per second that the target's maximum of replicas serves within the SLO, by the catalogue's timing.

    Raises:
        LocalClusterError: the target has no pods.
    """
    namespace, _, name = target.key.partition("/")
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-l", f"{DEPLOYMENT_LABEL}={name}", "-o", "json"))[
        "items"
    ]
    if not pods:
        raise LocalClusterError(f"{target.key} has no pods: it was not placed")
    profile = catalogue_profiles()(pod_view(pods[0]))
    lengths = TokenLengths(input_tokens=target.row["traffic"]["tokensIn"], output_tokens=target.row["traffic"]["tokensOut"])
    bounds = SloBounds(**target.bounds, percentile=target.percentile)
    replica_capacity = profile.timing.capacity(bounds, lengths, profile.limits).requests_per_second
    return replica_capacity * int(target.manifest["spec"]["scaling"]["maxReplicas"])


def start(cluster: Cluster, target: Target, ramp: Ramp) -> None:
    """Send the ramp to the target."""
    _write(cluster, target, {"trace": str(TRACE), "offset_seconds": ramp.offset_seconds, "rate_factor": ramp.factor})


def settle(cluster: Cluster, target: Target, ramp: Ramp) -> None:
    """Send a constant rate: ``SETTLED_SHARE`` of the ramp's first minute."""
    _write(cluster, target, {"rate_per_second": SETTLED_SHARE * ramp.first_per_second})


def _write(cluster: Cluster, target: Target, source: Mapping[str, Any]) -> None:
    traffic = target.row["traffic"]
    lengths = {"input_tokens": traffic["tokensIn"], "output_tokens": traffic["tokensOut"]}
    text = yaml.safe_dump({"deployments": {target.key: {**source, **lengths, "slo": target.bounds}}}, sort_keys=False)
    (cluster.folder.path / "traffic.yaml").write_text(text, encoding="utf-8")


def _is_usable(row: Row, manifests: Mapping[str, Document]) -> bool:
    spec = manifests[row["id"]]["spec"]
    traffic = row["traffic"]
    return bool("scaling" in spec and "slo" in spec and traffic.get("peakRps") and traffic.get("tokensOut"))


def _addable_replicas(manifest: Document) -> int:
    """Replicas between the highest minimum and the maximum."""
    scaling = manifest["spec"]["scaling"]
    floors = [window["minReplicas"] for window in scaling.get("schedule", ())]
    return int(scaling["maxReplicas"]) - max([scaling["minReplicas"], *floors])


def _documents(path: Path) -> list[Document]:
    return [item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item]

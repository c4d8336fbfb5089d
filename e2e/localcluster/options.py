"""The options of a local cluster, from environment variables and flags. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcluster.errors import LocalClusterError
from localcluster.paths import CLUSTERS, ClusterFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_TIME_SCALE = 15.0
SLOWEST_TIME_SCALE = 1.0
FASTEST_TIME_SCALE = 15.0
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Options:
    """The desired cluster.

    Attributes:
        name: the name of its folder.
        time_scale: how many times faster than in a real cluster metrics are scraped (1..15).
        fast_pods: every pod becomes Ready at once, including those of engines.
        clusters: the folder that holds one folder per cluster.
    """

    name: str = "cluster"
    time_scale: float = DEFAULT_TIME_SCALE
    fast_pods: bool = False
    clusters: Path = CLUSTERS

    def __post_init__(self) -> None:
        """Validate; raises LocalClusterError for an invalid name or time scale."""
        if not _NAME.fullmatch(self.name):
            raise LocalClusterError(
                f"{self.name!r} cannot be a cluster's name.",
                why="The name becomes a folder and a context: lower-case letters, digits and '-', at most 40.",
                advice="Set CLUSTER (or --name) to something like 'cluster' or 'test-1'.",
            )
        if not SLOWEST_TIME_SCALE <= self.time_scale <= FASTEST_TIME_SCALE:
            raise LocalClusterError(
                f"The time scale {self.time_scale:g} is out of range.",
                why="Prometheus scrapes every 15 s / TIME_SCALE, and faster than once a second it falls behind.",
                advice=f"Set TIME_SCALE to a number from {SLOWEST_TIME_SCALE:g} to {FASTEST_TIME_SCALE:g}.",
            )

    @property
    def folder(self) -> ClusterFolder:
        """The folder of this cluster's files."""
        return ClusterFolder(self.clusters / self.name)


def from_environment(environment: Mapping[str, str]) -> Options:
    """Options from CLUSTER, TIME_SCALE and FAST_PODS; an unset or empty variable means the default.

    Raises:
        LocalClusterError: a value is invalid.
    """
    return Options(
        name=environment.get("CLUSTER") or "cluster",
        time_scale=_number(environment.get("TIME_SCALE") or DEFAULT_TIME_SCALE),
        fast_pods=environment.get("FAST_PODS", "") not in {"", "0", "false"},
    )


def _number(text: str | float) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise LocalClusterError(
            f"TIME_SCALE is {text!r}, which is not a number.",
            advice="Set it to a number from 1 to 15, e.g. TIME_SCALE=15.",
        ) from error

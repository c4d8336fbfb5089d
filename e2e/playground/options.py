"""The options of a playground: the cluster, the institution, and the speed of model time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from localcluster.errors import LocalClusterError
from localcluster.options import Options, from_environment

REPOSITORY = Path(__file__).parents[2]
BANKS = REPOSITORY / "manifests" / "banks"
DEFAULT_BANK = "jsbank"
# A Monday morning, so that office-hours schedules are open whenever the playground starts.
MODEL_START = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()


@dataclass(frozen=True, slots=True)
class PlaygroundOptions:
    """The desired playground: the options of its cluster, and the institution whose matrix it serves."""

    cluster: Options
    bank: str

    @property
    def bank_folder(self) -> Path:
        """The manifests of the institution."""
        return BANKS / self.bank


def options_from_environment() -> PlaygroundOptions:
    """Options from the environment variables CLUSTER, TIME_SCALE, FAST_PODS and BANK.

    Raises:
        LocalClusterError: a value is invalid.
    """
    bank = os.environ.get("BANK") or DEFAULT_BANK
    banks = sorted(path.name for path in BANKS.iterdir() if path.is_dir())
    if bank not in banks:
        raise LocalClusterError(f"BANK is {bank!r}, which has no matrix.", advice=f"There are: {', '.join(banks)}.")
    return PlaygroundOptions(from_environment(os.environ), bank)

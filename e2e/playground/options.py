"""What a person may choose: the cluster, the institution, and how fast time runs."""

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
# A Monday morning, so that office hours are open whenever somebody looks.
MODEL_START = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()


@dataclass(frozen=True, slots=True)
class Wishes:
    """A playground as wished."""

    options: Options
    bank: str

    @property
    def bank_folder(self) -> Path:
        """The manifests of the institution."""
        return BANKS / self.bank


def wishes_from_environment() -> Wishes:
    """Wishes from CLUSTER, TIME_SCALE, FAST_PODS and BANK.

    Raises:
        LocalClusterError: a value makes no sense.
    """
    bank = os.environ.get("BANK") or DEFAULT_BANK
    known = sorted(path.name for path in BANKS.iterdir() if path.is_dir())
    if bank not in known:
        raise LocalClusterError(f"BANK is {bank!r}, which has no matrix.", advice=f"There are: {', '.join(known)}.")
    return Wishes(from_environment(os.environ), bank)

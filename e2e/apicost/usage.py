"""CPU time and memory of a process, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_MEBI = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the process started, and resident MiB now."""

    cpu_seconds: float
    resident_mebibytes: float


def usage_of(pid: int) -> Usage:
    """Usage of a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / _MEBI)

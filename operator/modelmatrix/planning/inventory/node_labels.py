"""Whether a node has the chip that its pool says, by the labels that vendors set. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelmatrix.catalogue.accelerators import Accelerator

# Labels give nominal or rounded sizes; chips that share a name differ by half.
MEMORY_TOLERANCE_SHARE = 0.2
_SIZE = re.compile(r"(\d+)([GM]?)")
_GIBIBYTE = 1024


def label_mismatch(chip: Accelerator, labels: Mapping[str, str]) -> str | None:
    """The label that says that a node has another chip; ``None`` when none does. Labels that are missing say nothing."""
    for label, values in chip.labels.items():
        found = labels.get(label)
        if found is not None and found not in values:
            return f"{label}={found}, {chip.id} has {' or '.join(values)}"
    said = labels.get(chip.memory_label, "")
    size = _mebibytes(said)
    if size and abs(size - chip.memory_mebibytes) > MEMORY_TOLERANCE_SHARE * chip.memory_mebibytes:
        return f"{chip.memory_label}={said}, {chip.id} has {chip.memory_mebibytes} MiB"
    return None


def _mebibytes(text: str) -> int:
    """A size such as 64G, or 97871 without a unit; 0 for what is no size."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * (_GIBIBYTE if found[2] == "G" else 1) if found else 0

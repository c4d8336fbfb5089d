"""What signals ask for, before schedule, bounds and what was wanted lately have their say. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.api.reasons import Reason


@dataclass(frozen=True, slots=True)
class ReplicaProposal:
    """Replicas of the first pool that are asked for, fractions included, with the words and figures for it.

    ``holds`` forbids to have fewer than today; ``reason`` says why nothing changes, if nothing does.
    """

    replicas: float
    words: str
    reason: Reason = Reason.STEADY
    holds: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)

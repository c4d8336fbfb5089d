"""Verdicts on candidates: what the planner thinks of one model on one pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelmatrix.api.reasons import Reason


class Verdict(StrEnum):
    """Whether a pool can run a model."""

    FITS = "Fits"
    NO_CAPACITY = "NoCapacity"
    IMPOSSIBLE = "Impossible"
    UNLISTED = "Unlisted"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A "no" with its reason, and a message that says what, why and what to change."""

    verdict: Verdict
    reason: Reason
    message: str
    engine: str = ""


def reject(reason: Reason, message: str) -> Rejection:
    """A "no" that no free device can turn into a "yes"."""
    return Rejection(Verdict.IMPOSSIBLE, reason, message)

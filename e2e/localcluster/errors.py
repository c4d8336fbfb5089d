"""The one error a person sees. It must never carry a stack trace: it says what, why and what to do."""

from __future__ import annotations


class LocalClusterError(Exception):
    """Something the local cluster cannot get past by itself.

    Args:
        what: what did not work, as a statement.
        why: what was seen, e.g. the last lines of a log.
        advice: what the reader can do.
    """

    def __init__(self, what: str, *, why: str = "", advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.advice = advice

    def __str__(self) -> str:
        """What, why and what to do, a line each."""
        return "\n".join(part for part in (self.what, self.why, self.advice) if part)

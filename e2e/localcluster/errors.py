"""The one error that the command line prints: what failed, why, and what to do. No stack trace."""

from __future__ import annotations


class LocalClusterError(Exception):
    """A failure that the user must resolve.

    Args:
        what: the failure, as a sentence.
        why: the cause or its symptoms, e.g. the last lines of a log.
        advice: what the user can do.
    """

    def __init__(self, what: str, *, why: str = "", advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.advice = advice

    def __str__(self) -> str:
        """The failure, its cause and the advice, one line each."""
        return "\n".join(part for part in (self.what, self.why, self.advice) if part)

"""When a process is ill, and when it is not ready to lead: what /healthz and /readyz answer. Pure.

Liveness asks whether a restart would help. A hung loop and credentials that the API server refuses are cured by one; an API
server or a Prometheus that is away is not, so neither makes a process unhealthy. Readiness asks whether the process could
lead, or answer an admission review, with a whole and fresh picture of the cluster. Nobody but an administrator helps where our
kinds are missing or another installation leads: the process waits for that, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HUNG_SECONDS = 120.0  # a control loop that has not moved for this long hangs
LOCKED_OUT_SECONDS = 600.0  # replaced certificates and tokens are read again by then, or only by a new process
STALE_SECONDS = 300.0  # several bookmarks and a new connection have failed by then


def liveness_problem(*, loop_silent_seconds: float, locked_out_seconds: float) -> str:
    """Why the kubelet should restart the process; empty when it is healthy.

    ``loop_silent_seconds`` is 0 for a process that does not lead.
    """
    if loop_silent_seconds > HUNG_SECONDS:
        return f"the control loop has not moved for {loop_silent_seconds:.0f} s"
    if locked_out_seconds > LOCKED_OUT_SECONDS:
        return f"the API server and this process have not trusted each other for {locked_out_seconds:.0f} s"
    return ""


def readiness_problem(
    *, unsynced: Mapping[str, str], absent: Sequence[str], stale: Sequence[str], other_installation: str
) -> str:
    """Why the process would lead badly, or must not; empty when it is ready.

    ``unsynced`` are the kinds that were never read, each with the last error or nothing; ``absent`` are kinds of ours that the
    API server does not serve; ``stale`` are kinds without news.
    """
    if unsynced:
        errors = dict.fromkeys(error for error in unsynced.values() if error)
        return "; ".join((f"not read yet: {', '.join(unsynced)}", *list(errors)[:1]))
    if absent:
        return f"the API server does not serve {', '.join(absent)}: install the CRDs"
    if stale:
        return f"no news for {STALE_SECONDS:.0f} s of: {', '.join(stale)}"
    if other_installation:
        return f"another installation leads this cluster: {other_installation}; uninstall one of them"
    return ""

"""The Lease as a candidate sees it: who holds it, since when it has been unchanged, and when this candidate may claim it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from modelmatrix.api import names

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """The times of the protocol in seconds; ``renew_deadline`` must be shorter than ``duration``.

    A leader renews every ``renew_period`` and tries again after ``retry`` when that fails; the others read the Lease every
    ``renew_period`` when they cannot watch it. Processes of another installation than the one that led last wait at least
    ``takeover``, also for a Lease that was released.
    """

    duration_seconds: float = 10.0
    renew_deadline_seconds: float = 8.0
    renew_period_seconds: float = 1.5
    retry_seconds: float = 0.5
    request_timeout_seconds: float = 4.0
    takeover_seconds: float = 30.0


LEASE_TIMES = LeaseTimes()


class Holder(NamedTuple):
    """A process: its installation as ``namespace/name``, and its identity within it; a released Lease has none."""

    installation: str
    identity: str


class ObservedLease:
    """The last state of the Lease, and when it was first seen, on the local monotonic ``clock``."""

    def __init__(self, own: Holder, times: LeaseTimes, clock: Callable[[], float]) -> None:
        self.holder = Holder("", "")
        self._own = own
        self._times = times
        self._clock = clock
        self._renew_time: object = ""
        self._seen_at = clock()
        self._duration_seconds = times.duration_seconds

    def see(self, lease: Mapping[str, Any]) -> None:
        """Take a state of the Lease into account. An equal one changes nothing: it is as old as when it was first seen."""
        spec = lease.get("spec") or {}
        annotations = lease["metadata"].get("annotations") or {}
        holder = Holder(str(annotations.get(names.ANNOTATION_INSTALLATION, "")), str(spec.get("holderIdentity") or ""))
        self._duration_seconds = float(spec.get("leaseDurationSeconds") or self._times.duration_seconds)
        if (holder, spec.get("renewTime")) != (self.holder, self._renew_time):
            self.holder, self._renew_time, self._seen_at = holder, spec.get("renewTime"), self._clock()

    @property
    def claimable_at(self) -> float:
        """From when on this process may claim the Lease, on the local clock; in the past for its own and a released one."""
        if self.holder == self._own:
            return self._seen_at
        seconds = self._duration_seconds if self.holder.identity else 0.0
        return self._seen_at + (max(seconds, self._times.takeover_seconds) if self.other_installation else seconds)

    @property
    def other_installation(self) -> str:
        """The installation that led last, if it is another one."""
        installation = self.holder.installation
        return "" if installation == self._own.installation else installation

    def claimed(self, lease: Object | None, *, namespace: str) -> Object:
        """The Lease, or a new one, held by this process and renewed now."""
        before = lease or {"apiVersion": names.LEASES.api_version, "kind": names.LEASES.kind}
        metadata: Object = before.get("metadata") or {"name": names.LEASE_NAME, "namespace": namespace}
        annotations = (metadata.get("annotations") or {}) | {names.ANNOTATION_INSTALLATION: self._own.installation}
        spec = self._claimed_spec(before.get("spec") or {})
        return {**before, "metadata": {**metadata, "annotations": annotations}, "spec": spec}

    def _claimed_spec(self, spec: Object) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        already_held = spec.get("holderIdentity") == self._own.identity
        return {
            "holderIdentity": self._own.identity,
            "leaseDurationSeconds": int(self._times.duration_seconds),
            "acquireTime": spec.get("acquireTime") if already_held else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if already_held else 1),
        }


def released(lease: Object) -> Object:
    """The Lease without a holder; it still names the installation that led last."""
    return {**lease, "spec": {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}}

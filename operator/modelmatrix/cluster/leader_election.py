"""Leader election with a Lease, by client-go's protocol on the raw client.

1. Every replica of the operator reads the Lease every 2 s. It claims a Lease that is absent, released, or held by another
   holder but unchanged for the Lease's duration (15 s), by a replace under optimistic concurrency: of two that claim at
   once, one gets ``Conflict``.
2. Expiry is measured on the reader's monotonic clock, from the moment at which it first saw the present renewTime. The
   times inside the Lease come from another machine's clock and are only compared for equality.
3. The leader renews every 2 s. A renewal counts from the moment at which its request was sent.
4. A leader without a renewal for 10 s stops leading: :attr:`LeaderElector.is_leader` turns false at that moment, also in a
   process that was suspended, and the client checks it before every write. :meth:`LeaderElector.run` raises
   :class:`LeadershipLost`, and the process must end.

The leader stops after 10 s and others wait for 15 s, so two never lead at once while monotonic clocks run equally fast.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import AlreadyExists, ApiError, Conflict, NotFound, TlsError, TransientError
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)


class LeadershipLost(Exception):
    """The Lease was not renewed before the deadline; the caller must end the process."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """The times of the protocol in seconds; ``renew_deadline`` must be shorter than ``duration``."""

    duration_seconds: float = 15.0
    renew_deadline_seconds: float = 10.0
    retry_period_seconds: float = 2.0
    request_timeout_seconds: float = 5.0


@dataclass(slots=True)
class _ObservedLease:
    """The Lease as last read, and when it was first seen in this state, on the local monotonic clock."""

    renew_time: str = ""
    holder: str = ""
    observed_at: float = 0.0


class LeaderElector:
    """One candidate. ``clock`` is monotonic, in seconds; ``leading`` is set once, when this candidate first holds the Lease."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        identity: str,
        clock: Callable[[], float],
        times: LeaseTimes = LeaseTimes(),
    ) -> None:
        self.leading = asyncio.Event()
        self._client = client
        self._key = NamespacedName(namespace, names.LEASE_NAME)
        self._identity = identity
        self._clock = clock
        self._times = times
        self._renewed_at: float | None = None
        self._locked_out_at: float | None = None
        self._observed = _ObservedLease()

    @property
    def is_leader(self) -> bool:
        """Whether this process leads at this moment; correct also right after it was suspended."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < self._times.renew_deadline_seconds

    @property
    def write_seconds(self) -> float:
        """For how long a write may still be under way: until halfway between the deadline and the end of the Lease.

        0 for a process that does not lead. So a write that hangs is given up before another process leads.
        """
        if self._renewed_at is None or not self.is_leader:
            return 0.0
        margin = (self._times.duration_seconds - self._times.renew_deadline_seconds) / 2
        return self._renewed_at + self._times.renew_deadline_seconds + margin - self._clock()

    @property
    def locked_out_seconds(self) -> float:
        """Seconds since which every attempt failed with 401 or a TLS error; 0 otherwise. A restart may cure these two."""
        return 0.0 if self._locked_out_at is None else self._clock() - self._locked_out_at

    async def run(self) -> None:
        """Acquire the Lease and renew it until cancelled.

        Raises:
            LeadershipLost: this process led and could not renew before the deadline.
        """
        while True:
            started = self._clock()
            try:
                async with asyncio.timeout(self._times.request_timeout_seconds):
                    acquired = await self._acquire_or_renew()
                self._locked_out_at = None
            except (ApiError, TransientError, TimeoutError) as error:
                acquired = False
                self._track_lockout(error)
                _log.info("the Lease was not acquired or renewed: %s", str(error) or "the request timed out")
            if acquired:
                self._renewed_at = started  # other candidates may count from the moment at which the request was sent
                if not self.leading.is_set():
                    _log.info("%s is the leader", self._identity, extra={"identity": self._identity})
                    self.leading.set()
            elif self.leading.is_set() and not self.is_leader:
                raise LeadershipLost(f"no renewal for {self._times.renew_deadline_seconds:.0f} s")
            await asyncio.sleep(self._retry_delay())

    def _track_lockout(self, error: Exception) -> None:
        """Record since when the API server rejects this process; an unreachable API server does not count as that."""
        refused = isinstance(error, ApiError) and error.code == HTTPStatus.UNAUTHORIZED
        if not refused and not isinstance(error, TlsError):
            self._locked_out_at = None
        elif self._locked_out_at is None:
            self._locked_out_at = self._clock()

    def _retry_delay(self) -> float:
        """Seconds until the next attempt; a leader checks again no later than at its renew deadline."""
        if self._renewed_at is None or not self.leading.is_set():
            return self._times.retry_period_seconds
        left = self._renewed_at + self._times.renew_deadline_seconds - self._clock()
        return max(0.05, min(self._times.retry_period_seconds, left))

    async def release(self) -> None:
        """Release the Lease, so that the next leader need not wait for its expiry. Never raises."""
        if not self.is_leader:
            return
        self._renewed_at = None
        try:
            async with asyncio.timeout(self._times.request_timeout_seconds):
                lease = await self._client.get(names.LEASES, self._key)
                if lease.get("spec", {}).get("holderIdentity") == self._identity:
                    lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._client.replace(names.LEASES, self._key, lease)
        except (ApiError, TransientError, TimeoutError) as error:
            _log.info("the Lease was not released: %s", str(error) or "the request timed out")

    async def _acquire_or_renew(self) -> bool:
        """Acquire or renew the Lease; whether this process holds it now."""
        seconds = self._times.request_timeout_seconds
        try:
            lease = await self._client.get(names.LEASES, self._key, timeout_seconds=seconds)
        except NotFound:
            return await self._create()
        spec = lease.get("spec") or {}
        self._observe(spec)
        if spec.get("holderIdentity") not in (self._identity, "", None) and not self._expired(spec):
            return False
        lease["spec"] = self._lease_spec(spec)
        try:
            await self._client.replace(names.LEASES, self._key, lease, timeout_seconds=seconds)
        except Conflict:
            return False
        return True

    async def _create(self) -> bool:
        manifest: Object = {
            "apiVersion": names.LEASES.api_version,
            "kind": names.LEASES.kind,
            "metadata": {"name": self._key.name, "namespace": self._key.namespace},
            "spec": self._lease_spec({}),
        }
        try:
            await self._client.create(names.LEASES, self._key, manifest, timeout_seconds=self._times.request_timeout_seconds)
        except AlreadyExists:
            return False
        return True

    def _observe(self, spec: dict[str, Any]) -> None:
        renewed, holder = str(spec.get("renewTime")), str(spec.get("holderIdentity"))
        if (renewed, holder) != (self._observed.renew_time, self._observed.holder):
            self._observed = _ObservedLease(renewed, holder, self._clock())

    def _expired(self, spec: dict[str, Any]) -> bool:
        return self._clock() - self._observed.observed_at > float(
            spec.get("leaseDurationSeconds") or self._times.duration_seconds
        )

    def _lease_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        already_held = spec.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration_seconds),
            "acquireTime": spec.get("acquireTime") if already_held else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if already_held else 1),
        }

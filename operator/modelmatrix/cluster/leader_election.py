"""Leader election by a Lease, on the raw client.

Leadership is a matter of our own monotonic clock: who has not renewed for ten seconds does not lead, whatever the reason,
and must stop. The Lease lasts longer than that, so two never lead at once.
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
    """The Lease could not be renewed in time; whoever catches this must end the process."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds: how long the Lease lasts, when a leader gives up, how often it renews, how long one request may take."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0
    request: float = 5.0


@dataclass(slots=True)
class _ObservedLease:
    """The Lease as last read, and when we first saw it like that: its own times come from another clock."""

    renewed: str = ""
    holder: str = ""
    at: float = 0.0


class LeaderElector:
    """Takes part in the election of one leader. ``clock`` counts seconds and never goes back."""

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
        self._seen = _ObservedLease()

    @property
    def is_leader(self) -> bool:
        """Whether we lead at this very moment, even if the process was stopped for a while."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < self._times.deadline

    @property
    def locked_out_seconds(self) -> float:
        """For how long the API server has refused us or we have refused it, and nothing else: a restart may cure that."""
        return 0.0 if self._locked_out_at is None else self._clock() - self._locked_out_at

    async def run(self) -> None:
        """Take part until cancelled.

        Raises:
            LeadershipLost: we led and could not renew in time.
        """
        while True:
            started = self._clock()
            try:
                async with asyncio.timeout(self._times.request):
                    acquired = await self._try()
                self._locked_out_at = None
            except (ApiError, TransientError, TimeoutError) as error:
                acquired = False
                self._note(error)
                _log.info("the lease was not renewed: %s", str(error) or "no answer in time")
            if acquired:
                self._renewed_at = started  # when the request was sent: it counts from there at the latest
                if not self.leading.is_set():
                    _log.info("%s leads", self._identity)
                    self.leading.set()
            elif self.leading.is_set() and not self.is_leader:
                raise LeadershipLost(f"no renewal for {self._times.deadline:.0f} s")
            await asyncio.sleep(self._pause())

    def _note(self, error: Exception) -> None:
        """Note since when it is we who are not let in; an API server that is away is not our illness."""
        refused = isinstance(error, ApiError) and error.code == HTTPStatus.UNAUTHORIZED
        if not refused and not isinstance(error, TlsError):
            self._locked_out_at = None
        elif self._locked_out_at is None:
            self._locked_out_at = self._clock()

    def _pause(self) -> float:
        """Time until the next try; a leader looks again at the latest when its time is up."""
        if self._renewed_at is None or not self.leading.is_set():
            return self._times.retry
        left = self._renewed_at + self._times.deadline - self._clock()
        return max(0.05, min(self._times.retry, left))

    async def release(self) -> None:
        """Give the Lease up, so that another need not wait for its end. Never raises."""
        if not self.is_leader:
            return
        self._renewed_at = None
        try:
            async with asyncio.timeout(self._times.request):
                lease = await self._client.get(names.LEASES, self._key)
                if lease.get("spec", {}).get("holderIdentity") == self._identity:
                    lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._client.replace(names.LEASES, self._key, lease)
        except (ApiError, TransientError, TimeoutError) as error:
            _log.info("the lease was not released: %s", str(error) or "no answer in time")

    async def _try(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        seconds = self._times.request
        try:
            lease = await self._client.get(names.LEASES, self._key, seconds=seconds)
        except NotFound:
            return await self._create()
        spec = lease.get("spec") or {}
        self._look(spec)
        if spec.get("holderIdentity") not in (self._identity, "", None) and not self._expired(spec):
            return False
        lease["spec"] = self._claim(spec)
        try:
            await self._client.replace(names.LEASES, self._key, lease, seconds=seconds)
        except Conflict:
            return False
        return True

    async def _create(self) -> bool:
        manifest: Object = {
            "apiVersion": names.LEASES.api_version,
            "kind": names.LEASES.kind,
            "metadata": {"name": self._key.name, "namespace": self._key.namespace},
            "spec": self._claim({}),
        }
        try:
            await self._client.create(names.LEASES, self._key, manifest, seconds=self._times.request)
        except AlreadyExists:
            return False
        return True

    def _look(self, spec: dict[str, Any]) -> None:
        renewed, holder = str(spec.get("renewTime")), str(spec.get("holderIdentity"))
        if (renewed, holder) != (self._seen.renewed, self._seen.holder):
            self._seen = _ObservedLease(renewed, holder, self._clock())

    def _expired(self, spec: dict[str, Any]) -> bool:
        return self._clock() - self._seen.at > float(spec.get("leaseDurationSeconds") or self._times.duration)

    def _claim(self, spec: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = spec.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration),
            "acquireTime": spec.get("acquireTime") if ours else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if ours else 1),
        }

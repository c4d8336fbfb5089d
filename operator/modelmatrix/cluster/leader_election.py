"""Leader election with a Lease, by client-go's protocol on the raw client, with a watch in place of polls.

1. One Lease elects the leader of a cluster, whatever the number of processes and of installations.
2. The leader renews the Lease every 1.5 s. A renewal counts from the moment at which its request was sent. A leader without one
   for 8 s stops leading: :attr:`LeaderElector.is_leader` turns false at that moment, also in a process that was suspended,
   and the client checks it when it sends a write. :meth:`LeaderElector.run` raises :class:`LeadershipLost`, and the process
   must end.
3. The others watch the Lease. They claim it when it is absent, released, or unchanged for its duration (10 s), by a replace
   under optimistic concurrency: of two that claim at once, one gets ``Conflict``.
4. Expiry is measured on the reader's monotonic clock, from the moment at which it first saw the present renewTime. The
   times inside the Lease come from another machine's clock and are only compared for equality.
5. An annotation names the installation that led last. Processes of another one wait 30 s longer than its own, so that a
   restart, an upgrade or a crash does not hand a cluster from one installation to the other.

The leader stops after 8 s and others wait for 10 s, so two never lead at once while monotonic clocks run about equally fast.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus

from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import ApiError, Conflict, NotFound, TlsError, TransientError
from modelmatrix.cluster.observed_lease import LEASE_TIMES, Holder, LeaseTimes, ObservedLease, released
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

RELEASE_ATTEMPTS = 3


class LeadershipLost(Exception):
    """The Lease was not renewed before the deadline, or another holds it; the caller must end the process."""


class LeaderElector:
    """One candidate for the Lease in ``namespace``, named ``own``, which no other process may be.

    ``clock`` is monotonic, in seconds; ``leading`` is set once, when this candidate first holds the Lease.
    """

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        own: Holder,
        clock: Callable[[], float],
        times: LeaseTimes = LEASE_TIMES,
    ) -> None:
        self.leading = asyncio.Event()
        self._client = client
        self._own = own
        self._key = NamespacedName(namespace, names.LEASE_NAME)
        self._clock = clock
        self._times = times
        self._renewed_at: float | None = None
        self._locked_out_at: float | None = None
        self._lease: Object | None = None
        self._has_claimed = False
        self._observed = ObservedLease(own, times, clock)

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

    @property
    def other_installation(self) -> str:
        """The installation that leads this cluster, or led last, if it is another; as ``namespace/name``."""
        return "" if self.is_leader else self._observed.other_installation

    async def run(self) -> None:
        """Acquire the Lease and renew it until cancelled.

        Raises:
            LeadershipLost: this process led, and could not renew before the deadline or found another holder.
        """
        while True:
            started = self._clock()
            if await self._attempt():
                self._renewed_at = started  # other candidates may count from the moment at which the request was sent
                self._announce()
            elif self.leading.is_set() and not self.is_leader:
                raise LeadershipLost(self._why_lost())
            if self.leading.is_set() or not await self._wait_for_chance():
                await asyncio.sleep(self._retry_delay(started))

    async def _attempt(self) -> bool:
        """Try once to acquire or renew the Lease; whether this process holds it now."""
        try:
            async with asyncio.timeout(self._times.request_timeout_seconds):
                acquired = await self._acquire_or_renew()
            self._locked_out_at = None
        except (ApiError, TransientError, TimeoutError) as error:
            self._lease = None
            self._track_lockout(error)
            _log.info("the Lease was not acquired or renewed: %s", str(error) or "the request timed out")
            return False
        return acquired

    def _announce(self) -> None:
        if not self.leading.is_set():
            _log.info("%s is the leader", self._own.identity, extra={"identity": self._own.identity})
            self.leading.set()

    def _why_lost(self) -> str:
        if self._renewed_at is None:
            return f"the Lease names another holder: {self._observed.holder.identity or 'none'}"
        return f"no renewal for {self._times.renew_deadline_seconds:.0f} s"

    def _track_lockout(self, error: Exception) -> None:
        """Record since when the API server rejects this process; an unreachable API server does not count as that."""
        refused = isinstance(error, ApiError) and error.code == HTTPStatus.UNAUTHORIZED
        if not refused and not isinstance(error, TlsError):
            self._locked_out_at = None
        elif self._locked_out_at is None:
            self._locked_out_at = self._clock()

    def _retry_delay(self, started: float) -> float:
        """Seconds until the next attempt; a leader checks again no later than at its renew deadline."""
        failed = self.leading.is_set() and self._renewed_at != started
        due = started + (self._times.retry_seconds if failed else self._times.renew_period_seconds)
        if self.leading.is_set() and self._renewed_at is not None:
            due = min(due, self._renewed_at + self._times.renew_deadline_seconds)
        return max(0.05, due - self._clock())

    async def _wait_for_chance(self) -> bool:
        """Watch the Lease until this process may claim it; false when it cannot be watched."""
        if self._lease is None:
            return False
        left = self._observed.claimable_at - self._clock()
        with suppress(TimeoutError, ApiError, TransientError):
            async with asyncio.timeout(max(0.0, left)) as limit:
                async for lease in self._changes(self._lease):
                    self._see(lease)
                    left = self._observed.claimable_at - self._clock()
                    limit.reschedule(asyncio.get_running_loop().time() + left)
        return self._clock() >= self._observed.claimable_at

    async def _changes(self, lease: Object) -> AsyncIterator[Object]:
        """The states of the Lease after ``lease``; ends when it is deleted."""
        version, fields = lease["metadata"]["resourceVersion"], f"metadata.name={self._key.name}"
        stream = self._client.watch(names.LEASES, version, namespace=self._key.namespace, fields=fields)
        async for change, fresh in stream:
            if change == "DELETED":
                return
            if change != "BOOKMARK":
                yield fresh

    async def release(self) -> None:
        """Release the Lease, so that the next leader need not wait for its expiry. Never raises.

        A process that stops while its claim is under way may hold the Lease without knowing.
        """
        if not self._has_claimed:
            return
        self._renewed_at = None
        try:
            async with asyncio.timeout(self._times.request_timeout_seconds):
                await self._release()
        except (ApiError, TransientError, TimeoutError) as error:
            _log.info("the Lease was not released: %s", str(error) or "the request timed out")

    async def _release(self) -> None:
        """A renewal that was cancelled may still arrive in between: then the Lease is read again."""
        for _ in range(RELEASE_ATTEMPTS):
            self._see(await self._client.get(names.LEASES, self._key))
            if self._observed.holder != self._own or self._lease is None:
                return
            with suppress(Conflict):
                await self._client.replace(names.LEASES, self._key, released(self._lease))
                return

    async def _acquire_or_renew(self) -> bool:
        """Acquire or renew the Lease; whether this process holds it now."""
        if self.is_leader and self._lease is not None:
            with suppress(Conflict, NotFound):
                return await self._claim(self._lease)
        lease = await self._read()
        if lease is not None:
            self._see(lease)
        if self._clock() < self._observed.claimable_at:
            self._renewed_at = None  # whoever holds it may write from now on
            return False
        return await self._claim(lease)

    async def _read(self) -> Object | None:
        """The Lease; ``None`` when there is none. One that somebody deletes protects its holder as long as before."""
        self._lease = None
        with suppress(NotFound):
            return await self._client.get(names.LEASES, self._key, timeout_seconds=self._times.request_timeout_seconds)
        return None

    def _see(self, lease: Object) -> None:
        """Remember a state of the Lease, and say in the log when another installation leads."""
        before, self._lease = self._observed.other_installation, lease
        self._observed.see(lease)
        other = self._observed.other_installation
        if other and other != before:
            _log.warning(
                "this installation does not lead: %s does, and one leads in a cluster; uninstall one of them",
                other,
                extra={"installation": other},
            )

    async def _claim(self, lease: Object | None) -> bool:
        """Write this process into the Lease as it was read, or into a new one; raises Conflict when it has changed since."""
        self._has_claimed, self._lease = True, None
        claimed, seconds = self._observed.claimed(lease, namespace=self._key.namespace), self._times.request_timeout_seconds
        write = self._client.create if lease is None else self._client.replace
        self._see(await write(names.LEASES, self._key, claimed, timeout_seconds=seconds))
        return True

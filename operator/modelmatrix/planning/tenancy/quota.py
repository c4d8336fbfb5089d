"""Device quotas: how many more devices the namespaces of a TenantPolicy may have. Pure.

What runs is charged first, whatever it comes to, so a lowered quota takes nothing away. A new replica is placed only while
every quota that it counts against has room. Replicas that retire in favour of new ones of the same deployment do not count:
a move to another pool needs no room of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from modelmatrix.api.model_deployment import Priority


class Quota(NamedTuple):
    """One limit of a policy: devices of its ``namespaces`` together, of one priority and chip where it names them.

    ``position`` is the place of the limit in the policy's spec.devices.
    """

    policy: str
    position: int
    namespaces: frozenset[str]
    priority: Priority | None
    accelerator: str | None
    most: int

    def counts(self, namespace: str, priority: Priority | None, accelerator: str | None) -> bool:
        """Whether devices of a deployment on a chip count against it."""
        return namespace in self.namespaces and self.priority in (None, priority) and self.accelerator in (None, accelerator)

    @property
    def description(self) -> str:
        """The limit in words, e.g. ``TenantPolicy branches allows 8 devices of 910b-64g at P1``."""
        chip = f" of {self.accelerator}" if self.accelerator else ""
        priority = f" at {self.priority}" if self.priority else ""
        return f"TenantPolicy {self.policy} allows {self.most} device{'s' if self.most != 1 else ''}{chip}{priority}"


@dataclass(slots=True)
class DeviceQuotas:
    """All quotas with the devices that count against each."""

    used: dict[Quota, int] = field(default_factory=dict)

    def account(self, namespace: str, priority: Priority | None) -> TenantAccount:
        """What a deployment charges."""
        return TenantAccount(self, namespace, priority)


@dataclass(slots=True)
class TenantAccount:
    """The quotas as one deployment sees them."""

    quotas: DeviceQuotas = field(default_factory=DeviceQuotas)
    namespace: str = ""
    priority: Priority | None = None

    def _of(self, accelerator: str | None) -> Iterable[Quota]:
        if not self.quotas.used:  # most clusters, a dozen times a deployment and plan
            return ()
        return [quota for quota in self.quotas.used if quota.counts(self.namespace, self.priority, accelerator)]

    def blocking(self, accelerator: str | None, devices: int) -> Quota | None:
        """The quota that has no room for so many more devices; ``None`` when all have."""
        used = self.quotas.used
        return next((quota for quota in self._of(accelerator) if used[quota] + devices > quota.most), None)

    def exceeded(self, accelerator: str | None) -> Quota | None:
        """The quota that more devices count against than it allows, e.g. since it was lowered."""
        used = self.quotas.used
        return next((quota for quota in self._of(accelerator) if used[quota] > quota.most), None)

    def room(self, accelerator: str | None, devices: int, *, most: int) -> int:
        """How many replicas of so many devices may still come, at most ``most``."""
        used = self.quotas.used
        return min([most, *(max(0, quota.most - used[quota]) // max(1, devices) for quota in self._of(accelerator))])

    def charge(self, accelerator: str | None, devices: int) -> None:
        """Count devices, or with a negative number give them back."""
        for quota in self._of(accelerator):
            self.quotas.used[quota] += devices

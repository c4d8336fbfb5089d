"""Whose names a deployment's messages may show. Pure.

Messages and statuses of one tenant are no window into another: a deployment of another tenant has no name there. One function
decides, for every place that names other deployments. Namespaces with the same policies are one tenant; without any policy
all are, because nobody has drawn a line. ``showOtherTenants`` shows all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.tenancy.rules import UNRESTRICTED, TenantRules

HIDDEN_NAMESPACE = "-"  # no namespace has this name
_PSEUDONYM_LENGTH = 12


@dataclass(frozen=True, slots=True)
class TenantNames:
    """Who may read whose name; ``rules`` are by namespace, ``uids`` those of all deployments."""

    rules: Mapping[str, TenantRules] = field(default_factory=dict)
    uids: Mapping[NamespacedName, str] = field(default_factory=dict)

    def shows(self, reader: str, namespace: str) -> bool:
        """Whether messages in the namespace ``reader`` may name deployments of ``namespace``."""
        own, other = (self.rules.get(name, UNRESTRICTED) for name in (reader, namespace))
        return reader == namespace or own.shows_tenants or own.identity == other.identity

    def counts(self, reader: str, counts: Mapping[NamespacedName, int]) -> list[tuple[str, int]]:
        """Names with their counts, as messages in a namespace show them; hidden ones are one entry, the last."""
        shown = [(str(key), count) for key, count in sorted(counts.items()) if self.shows(reader, key.namespace)]
        hidden = [count for key, count in counts.items() if not self.shows(reader, key.namespace)]
        what = "a deployment of another tenant" if len(hidden) == 1 else "deployments of other tenants"
        return [*shown, (what, sum(hidden))] if hidden else shown

    def reference(self, reader: str, key: NamespacedName) -> NamespacedName:
        """How a status in the namespace ``reader`` refers to a deployment: by its key, or by a pseudonym."""
        return key if self.shows(reader, key.namespace) else self._pseudonym(key)

    def resolve(self, reference: NamespacedName) -> NamespacedName | None:
        """The key of the deployment that a status refers to; ``None`` when a hidden one does not exist any more."""
        if reference.namespace != HIDDEN_NAMESPACE:
            return reference
        return next((key for key in self.uids if self._pseudonym(key) == reference), None)

    def _pseudonym(self, key: NamespacedName) -> NamespacedName:
        """A stable key that tells nothing: made from the UID, which cannot be guessed as a name can."""
        digest = hashlib.sha256(f"{self.uids.get(key, '')}/{key}".encode()).hexdigest()
        return NamespacedName(HIDDEN_NAMESPACE, f"other-tenant-{digest[:_PSEUDONYM_LENGTH]}")

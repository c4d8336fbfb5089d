"""The event recorder: tells users what changed, once.

An equal event within two minutes is not written again, and one object cannot flood the API server.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, TransientError
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

REPEAT_SECONDS = 120.0
REMEMBERED = 4096
NOTE_MAX_BYTES = 1024  # the API server counts bytes, not characters


class EventRecorder:
    """Writes notes as events of events.k8s.io/v1."""

    def __init__(self, client: ApiClient, identity: str, wall_clock: Callable[[], float]) -> None:
        self._client = client
        self._identity = identity
        self._wall_clock = wall_clock
        self._told: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def record(self, note: EventRecord) -> None:
        """Write one event. A failure is logged, never raised: events are news, not state."""
        if self._was_told(note):
            return
        namespace = note.key.namespace or "default"
        event = self._event(note, namespace)
        try:
            await self._client.create(names.EVENTS, NamespacedName(namespace, event["metadata"]["name"]), event)
        except (ApiError, TransientError) as error:
            _log.warning("event %s for %s was not written: %s", note.reason, note.key, error)

    def _was_told(self, note: EventRecord) -> bool:
        now, name = self._wall_clock(), (note.uid, str(note.reason), note.message)
        last = self._told.pop(name, None)
        repeated = last is not None and now - last < REPEAT_SECONDS
        self._told[name] = last if repeated and last is not None else now
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return repeated

    def _event(self, note: EventRecord, namespace: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._wall_clock(), UTC)
        unique = hashlib.sha256(f"{note.uid}{note.reason}{note.message}{now.isoformat()}".encode()).hexdigest()[:16]
        return {
            "apiVersion": names.EVENTS.api_version,
            "kind": names.EVENTS.kind,
            "metadata": {"name": f"{note.key.name}.{unique}", "namespace": namespace},
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": names.REPORTING_CONTROLLER,
            "reportingInstance": self._identity[:128],
            "action": note.action,
            "reason": str(note.reason),
            "type": "Warning" if note.warning else "Normal",
            "note": note.message.encode()[:NOTE_MAX_BYTES].decode(errors="ignore"),
            "regarding": {
                "apiVersion": note.kind.api_version,
                "kind": note.kind.kind,
                "name": note.key.name,
                "uid": note.uid,
                **({"namespace": note.key.namespace} if note.key.namespace else {}),
            },
        }

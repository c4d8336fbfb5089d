"""The event recorder: writes each change once, as an Event of events.k8s.io/v1.

Planning decides which changes deserve an Event; the recorder removes repetitions. An event equals another when the UID of
the object, the reason and the message are equal. An equal event within 120 s of the first is dropped, and a repetition
does not extend that time: a persistent problem is written every two minutes, not never again. The last 4096 events are
remembered, in memory only; after a change of leader an event may therefore appear twice. The name of the Event contains a
hash of its content and time, so that it needs no read before the write, and a failed write is logged and not repeated:
status, not Events, is the record of the state.
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
MAX_REMEMBERED_EVENTS = 4096
NOTE_MAX_BYTES = 1024  # the API server counts bytes, not characters


class EventRecorder:
    """Writes events; ``wall_clock`` is in seconds since the epoch, ``identity`` the name of this process."""

    def __init__(self, client: ApiClient, identity: str, wall_clock: Callable[[], float]) -> None:
        self._client = client
        self._identity = identity
        self._wall_clock = wall_clock
        self._recent: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def record(self, event: EventRecord) -> None:
        """Write one event unless it repeats a recent one. A failure is logged, never raised."""
        if self._is_repeat(event):
            return
        namespace = event.key.namespace or "default"
        manifest = self._manifest(event, namespace)
        try:
            await self._client.create(names.EVENTS, NamespacedName(namespace, manifest["metadata"]["name"]), manifest)
        except (ApiError, TransientError) as error:
            fields = {"kind": event.kind.kind, "object": str(event.key), "reason": str(event.reason)}
            _log.warning("event %s for %s was not written: %s", event.reason, event.key, error, extra=fields)

    def _is_repeat(self, event: EventRecord) -> bool:
        now, name = self._wall_clock(), (event.uid, str(event.reason), event.message)
        last = self._recent.pop(name, None)
        repeated = last is not None and now - last < REPEAT_SECONDS
        self._recent[name] = last if repeated and last is not None else now
        while len(self._recent) > MAX_REMEMBERED_EVENTS:
            self._recent.popitem(last=False)
        return repeated

    def _manifest(self, event: EventRecord, namespace: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._wall_clock(), UTC)
        unique = hashlib.sha256(f"{event.uid}{event.reason}{event.message}{now.isoformat()}".encode()).hexdigest()[:16]
        return {
            "apiVersion": names.EVENTS.api_version,
            "kind": names.EVENTS.kind,
            "metadata": {"name": f"{event.key.name}.{unique}", "namespace": namespace},
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": names.REPORTING_CONTROLLER,
            "reportingInstance": self._identity[:128],
            "action": event.action,
            "reason": str(event.reason),
            "type": "Warning" if event.warning else "Normal",
            "note": event.message.encode()[:NOTE_MAX_BYTES].decode(errors="ignore"),
            "regarding": {
                "apiVersion": event.kind.api_version,
                "kind": event.kind.kind,
                "name": event.key.name,
                "uid": event.uid,
                **({"namespace": event.key.namespace} if event.key.namespace else {}),
            },
        }

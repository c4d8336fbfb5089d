"""Admission: answers the API server, within its timeout, what the planner says of an object before it is stored.

Both replicas answer, the leader or not, from their caches and without a request of their own. A review costs one plan, and
reviews run one at a time: after each the event loop is free for at least as long, so a thousand applies at once cannot keep
a leader from renewing its Lease. A review that would come too late, fails, or has only half a picture of the cluster gives no
warning; it never keeps an object from being stored.

Caches lag some milliseconds behind the API server. A verdict that another object may change, such as a pool of the same
``kubectl apply``, is therefore given a moment and a second look.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.cluster.views.objects import deployment_view, parse_spec, pool_view, tenant_policy_view
from modelmatrix.control.health import STALE_SECONDS
from modelmatrix.control.informers import Informers
from modelmatrix.planning import admission
from modelmatrix.planning.admission import NO_OBJECTION, AdmissionVerdict, unreadable
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import Snapshot

_log = logging.getLogger(__name__)

REVIEW_TIMEOUT_SECONDS = 2.0  # the chart's webhook waits 3 s at most
CACHE_LAG_SECONDS = 0.25  # what a cache lags behind the API server

Object = Mapping[str, Any]


@dataclass(slots=True)
class AdmissionReviewer:
    """Reviews proposed objects. ``observe`` gets the plural of the kind, the outcome and the seconds of every review."""

    informers: Informers
    take_snapshot: Callable[[], Snapshot]
    observe: Callable[[str, str, float], None]
    clock: Callable[[], float] = time.monotonic
    cache: PlanCache = field(default_factory=PlanCache)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _free_at: float = 0.0

    async def review(self, kind: Kind, proposed: Object, stored: Object | None) -> AdmissionVerdict:
        """The verdict on an object that is created, or that takes the place of a stored one. Never raises."""
        started = self.clock()
        if stored is not None and stored.get("spec") == proposed.get("spec"):
            return NO_OBJECTION
        if self.informers.unsynced() or self.informers.stale_kinds(STALE_SECONDS):
            self.observe(kind.plural, "skipped", 0.0)
            return NO_OBJECTION
        verdict, outcome = NO_OBJECTION, "skipped"
        try:
            async with asyncio.timeout(REVIEW_TIMEOUT_SECONDS):
                verdict = await self._settled(kind, proposed)
                outcome = "warned" if verdict.warnings else "silent"
        except TimeoutError:
            _log.info("admission of %s: no verdict in time", kind.plural, extra={"kind": kind.kind})
        except Exception:  # noqa: BLE001 - whatever it is, it must not keep a user from storing an object
            outcome = "failed"
            _log.exception("admission of %s", kind.plural, extra={"kind": kind.kind})
        self.observe(kind.plural, outcome, self.clock() - started)
        return verdict

    async def _settled(self, kind: Kind, proposed: Object) -> AdmissionVerdict:
        verdict = await self._next(kind, proposed)
        if not verdict.is_provisional:
            return verdict
        await asyncio.sleep(CACHE_LAG_SECONDS)
        return await self._next(kind, proposed)

    async def _next(self, kind: Kind, proposed: Object) -> AdmissionVerdict:
        """The verdict, when it is this review's turn."""
        async with self._turn:
            await asyncio.sleep(max(0.0, self._free_at - self.clock()))
            started = self.clock()
            try:
                return judge(kind, proposed, self.take_snapshot(), self.cache)
            finally:
                self._free_at = 2 * self.clock() - started


def judge(kind: Kind, proposed: Object, snapshot: Snapshot, cache: PlanCache) -> AdmissionVerdict:
    """The verdict on an object of ours, as the API server proposes it."""
    if kind == names.MODEL_DEPLOYMENTS:
        return admission.review_deployment(deployment_view(proposed), snapshot, cache)
    if kind == names.ACCELERATOR_POOLS:
        return admission.review_pool(pool_view(proposed), snapshot, cache)
    if kind == names.TENANT_POLICIES:
        return admission.review_tenant_policy(tenant_policy_view(proposed), snapshot, cache)
    name = str(proposed["metadata"]["name"])
    if kind == names.MODEL_PROFILES:
        model, error = parse_spec(ModelProfileSpec, proposed.get("spec"))
        return admission.review_model_profile(name, model, snapshot, cache) if model else unreadable(error)
    engine, error = parse_spec(EngineProfileSpec, proposed.get("spec"))
    return admission.review_engine_profile(name, engine, snapshot, cache) if engine else unreadable(error)

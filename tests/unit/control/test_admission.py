"""Reviews never keep an object out, never take the event loop for themselves, and forgive caches that lag."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from factories import nodes, pool, snapshot
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.control import admission
from modelmatrix.control.admission import AdmissionReviewer
from modelmatrix.planning.admission import NO_OBJECTION, AdmissionVerdict
from modelmatrix.planning.snapshot.snapshot import Snapshot

FITS: dict[str, Any] = {
    "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"},
    "quantization": "W8A8",
    "pools": [{"name": "ascend-a"}],
}


def proposal(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "chat", "namespace": "bank", "uid": "u", "generation": 1, **metadata}, "spec": spec}


@dataclass
class Caches:
    """What a reviewer asks of the informers, and the snapshot of the moment."""

    content: Snapshot
    missing: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    snapshots: int = 0

    def unsynced(self) -> list[str]:
        """Kinds that have not been read yet."""
        return self.missing

    def stale_kinds(self, _seconds: float) -> list[str]:
        """Kinds without news."""
        return self.old

    def take(self) -> Snapshot:
        """The snapshot."""
        self.snapshots += 1
        return self.content


@pytest.fixture
def caches() -> Caches:
    return Caches(snapshot(pools=(pool(),), nodes=nodes(2)))


@dataclass
class Desk:
    """A reviewer, and what it has counted."""

    caches: Caches
    counted: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reviewer = AdmissionReviewer(self.caches, self.caches.take, self._count)  # type: ignore[arg-type]  # two methods of it

    def _count(self, resource: str, outcome: str, _seconds: float) -> None:
        self.counted.append((resource, outcome))

    async def review(
        self, spec: dict[str, Any], stored: dict[str, Any] | None = None, *, kind: Kind = names.MODEL_DEPLOYMENTS
    ) -> AdmissionVerdict:
        """The verdict on a spec."""
        return await self.reviewer.review(kind, proposal(spec), stored)


@pytest.fixture
def desk(caches: Caches) -> Desk:
    return Desk(caches)


async def test_a_mistake_is_answered_at_once(desk: Desk) -> None:
    verdict = await desk.review(FITS | {"quantization": "FP8"})
    assert "910B has no FP8; use W8A8" in verdict.warnings[0]
    assert await desk.review(FITS) == NO_OBJECTION
    assert desk.counted == [("modeldeployments", "warned"), ("modeldeployments", "silent")]


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        (
            names.ACCELERATOR_POOLS,
            {"accelerator": "910z", "resourceName": "x/y", "nodeSelector": {"a": "b"}},
            "'910z' is unknown",
        ),
        (names.ACCELERATOR_POOLS, {"accelerator": 5}, "spec.accelerator: "),
        (names.TENANT_POLICIES, {"namespaceSelector": {}, "pools": ["nowhere"]}, "no AcceleratorPool is named nowhere"),
        (names.TENANT_POLICIES, {}, "spec.namespaceSelector: Field required"),
        (names.MODEL_PROFILES, {}, "spec.architecture: Field required"),
        (names.ENGINE_PROFILES, {"base": "VLM", "images": [{"accelerator": "Hopper", "image": "i"}]}, "'VLM' is not an engine"),
    ],
)
async def test_every_kind_has_its_verdict(desk: Desk, kind: Kind, spec: dict[str, Any], words: str) -> None:
    verdict = await desk.review(spec, kind=kind)
    assert words in verdict.warnings[0]


async def test_an_update_that_leaves_the_spec_costs_nothing(desk: Desk) -> None:
    spec = FITS | {"quantization": "FP8"}
    assert await desk.review(spec, proposal(spec, labels={"team": "ai"})) == NO_OBJECTION
    assert (desk.caches.snapshots, desk.counted) == (0, [])
    assert (await desk.review(spec, proposal(FITS))).warnings


async def test_half_a_picture_or_an_old_one_gives_no_warning(desk: Desk) -> None:
    desk.caches.missing = ["pods"]
    assert await desk.review(FITS | {"quantization": "FP8"}) == NO_OBJECTION
    desk.caches.missing, desk.caches.old = [], ["nodes"]
    assert await desk.review(FITS | {"quantization": "FP8"}) == NO_OBJECTION
    assert desk.counted == [("modeldeployments", "skipped")] * 2


async def test_whatever_goes_wrong_an_object_is_let_in(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    verdict = await desk.reviewer.review(names.MODEL_PROFILES, {"spec": {}}, None)
    assert verdict == NO_OBJECTION
    assert desk.counted == [("modelprofiles", "failed")]
    assert "admission of modelprofiles" in caplog.text


async def test_a_pool_of_the_same_apply_is_seen_at_the_second_look(desk: Desk) -> None:
    pools = desk.caches.content.pools
    desk.caches.content = replace(desk.caches.content, pools=())
    review = asyncio.create_task(desk.review(FITS))
    await asyncio.sleep(0.01)
    desk.caches.content = replace(desk.caches.content, pools=pools)
    assert await review == NO_OBJECTION
    assert desk.caches.snapshots == 2


async def test_a_pool_that_does_not_come_is_reported(desk: Desk) -> None:
    verdict = await desk.review(FITS | {"pools": [{"name": "elsewhere"}]})
    assert "'elsewhere' does not exist" in verdict.warnings[0]


async def test_between_reviews_the_loop_is_free_for_as_long_as_one_takes(desk: Desk) -> None:
    times = iter(range(1000))
    desk.reviewer.clock = lambda: float(next(times))  # every look at the clock takes a second: so does a review
    pauses: list[float] = []
    real = asyncio.sleep

    async def remember(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", remember)
        await desk.review(FITS)
        await desk.review(FITS)
    assert pauses[0] == 0.0
    assert desk.reviewer._free_at > 0  # noqa: SLF001 - the time from which the next may run


async def test_who_would_come_too_late_is_let_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "REVIEW_TIMEOUT_SECONDS", 0.05)
    desk.reviewer._free_at = desk.reviewer.clock() + 60  # noqa: SLF001 - a review that took a minute
    assert await desk.review(FITS | {"quantization": "FP8"}) == NO_OBJECTION
    assert desk.counted == [("modeldeployments", "skipped")]

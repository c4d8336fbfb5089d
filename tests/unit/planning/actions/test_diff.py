from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from factories import deployment
from modelmatrix.planning.actions import diff as reconciliation
from modelmatrix.planning.actions.action import Apply
from modelmatrix.planning.actions.diff import service_actions
from modelmatrix.planning.rendering.workloads import service_manifest
from modelmatrix.planning.snapshot.views import DeploymentView, ServiceView


class Stored(dict[str, Any]):
    """A manifest whose end can be seen."""


def service(view: DeploymentView, *, version: str = "1", **changed: Any) -> ServiceView:
    manifest, digest = service_manifest(view)
    return ServiceView(view.key, "uid", version, view.uid, digest, Stored({**manifest, **changed}))


def test_what_somebody_has_changed_is_applied_again() -> None:
    view = deployment()
    assert not list(service_actions(view, service(view)))
    (action,) = service_actions(view, service(view, version="2", spec={}))
    assert isinstance(action, Apply)


def test_no_stored_object_outlives_its_version() -> None:
    view = deployment()
    stored = service(view, version="3")
    list(service_actions(view, stored))
    alive = weakref.ref(stored.manifest)
    del stored
    gc.collect()
    assert alive() is None


def test_no_more_is_remembered_than_a_fleet_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "REMEMBERED", 3)
    monkeypatch.setattr(reconciliation, "_known", {})
    view = deployment()
    manifest, digest = service_manifest(view)
    for number in range(9):
        list(service_actions(view, ServiceView(view.key, f"uid-{number}", "1", view.uid, digest, manifest)))
    assert list(reconciliation._known) == ["uid-6", "uid-7", "uid-8"]  # noqa: SLF001 - nothing else shows it

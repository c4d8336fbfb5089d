from __future__ import annotations

import gc
import weakref
from typing import Any

from factories import deployment
from modelmatrix.api import names
from modelmatrix.planning.actions.action import Action, Apply
from modelmatrix.planning.actions.diff import IntactChecks, dependent_actions
from modelmatrix.planning.rendering.workload_target import owner_of
from modelmatrix.planning.rendering.workloads import RenderingCache, Template, service_template
from modelmatrix.planning.snapshot.views import DeploymentView, ServiceView


class Stored(dict[str, Any]):
    """A manifest whose end can be seen."""


def template(view: DeploymentView) -> Template:
    return service_template(owner_of(view), RenderingCache())


def service(view: DeploymentView, *, uid: str = "uid", version: str = "1", **changed: Any) -> ServiceView:
    manifest, digest, *_ = template(view)
    return ServiceView(view.key, uid, version, view.uid, digest, Stored({**manifest, **changed}))


def actions(view: DeploymentView, stored: ServiceView, checks: IntactChecks) -> list[Action]:
    return list(dependent_actions(names.SERVICES, template(view), stored, checks, deployment=view.key))


def test_what_somebody_has_changed_is_applied_again() -> None:
    view, checks = deployment(), IntactChecks()
    assert not actions(view, service(view), checks)
    (action,) = actions(view, service(view, version="2", spec={}), checks)
    assert isinstance(action, Apply)


def test_no_stored_object_outlives_its_version() -> None:
    view = deployment()
    stored = service(view, version="3")
    actions(view, stored, IntactChecks())
    alive = weakref.ref(stored.manifest)
    del stored
    gc.collect()
    assert alive() is None


def test_only_the_objects_of_the_last_plan_are_remembered() -> None:
    view, checks = deployment(), IntactChecks()
    for number in range(9):
        checks.begin()
        actions(view, service(view, uid=f"uid-{number}"), checks)
    assert len(checks) == 2

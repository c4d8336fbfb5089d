from __future__ import annotations

import pytest

from factories import deployment, workload
from modelmatrix.api import names
from modelmatrix.planning.inventory.ownership import owned_dependent, owns_workload
from modelmatrix.planning.snapshot.views import ServiceView

VIEW = deployment()
LONG = deployment(name="a" * 60)


@pytest.mark.parametrize(
    ("view", "name", "owner", "digest", "owned"),
    [
        (VIEW, "anything", VIEW.uid, "", True),
        (VIEW, "assistant-0123abc", "uid-of-another", "d", False),
        (VIEW, "assistant-0123abc", "", "d", True),
        (VIEW, "assistant-0123abc", "", "", False),
        (VIEW, "assistant-0123abcd", "", "d", False),
        (VIEW, "assistant-0123xyz", "", "d", False),
        (VIEW, "assistant", "", "d", False),
        (VIEW, "assistants-0123abc", "", "d", False),
        (LONG, "a" * 40 + "-0123abc", "", "d", True),
        (LONG, "a" * 41 + "-0123abc", "", "d", False),
    ],
)
def test_a_workload_is_owned_by_its_controller_or_else_by_its_name(
    view: object, name: str, owner: str, digest: str, *, owned: bool
) -> None:
    assert owns_workload(view, workload(name=name, owner_uid=owner, digest=digest)) == owned  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owner", "label", "owned"),
    [(VIEW.uid, "another", True), ("", "assistant", True), ("", "another", False), ("uid-of-another", "assistant", False)],
)
def test_a_service_is_owned_by_its_controller_or_else_by_its_label(owner: str, label: str, *, owned: bool) -> None:
    manifest = {"metadata": {"labels": {names.LABEL_DEPLOYMENT: label}}}
    service = ServiceView(VIEW.key, "uid", "1", owner, "digest", manifest)
    assert owned_dependent(VIEW, service) == (service if owned else None)


def test_a_deployment_without_a_service_has_none() -> None:
    assert owned_dependent(VIEW, None) is None

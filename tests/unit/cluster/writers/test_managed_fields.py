from __future__ import annotations

from typing import Any

from modelmatrix.cluster.writers.managed_fields import convert_updates_to_apply

THEIRS = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}
STATUS = {"manager": "modelmatrix", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}


def ours(operation: str, **fields: Any) -> dict[str, Any]:
    spec = {f"f:{name}": {f"f:{key}": {} for key in keys} for name, keys in fields.items()}
    return {"manager": "modelmatrix", "operation": operation, "apiVersion": "apps/v1", "fieldsV1": {"f:spec": spec}}


def test_a_create_becomes_an_apply() -> None:
    created = ours("Update", template=["a", "b"])
    assert convert_updates_to_apply([created, THEIRS, STATUS]) == [THEIRS, STATUS, {**created, "operation": "Apply"}]


def test_what_was_created_and_what_was_applied_since_is_one() -> None:
    both = [ours("Apply", template=["b", "c"]), THEIRS, ours("Update", template=["a", "b"], strategy=["d"])]
    assert convert_updates_to_apply(both) == [THEIRS, ours("Apply", template=["b", "c", "a"], strategy=["d"])]


def test_what_is_applied_already_stays_as_it_is() -> None:
    assert convert_updates_to_apply([ours("Apply", template=["a"]), THEIRS, STATUS]) is None
    assert convert_updates_to_apply([]) is None

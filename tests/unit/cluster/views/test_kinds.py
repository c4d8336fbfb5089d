"""The kinds that a plan is made from: one list for the operator and the command line."""

from __future__ import annotations

from typing import Any, cast

from modelmatrix.api import names
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.views.kinds import MANAGED_BY_US, PLANNING_KINDS
from modelmatrix.control.informers import Informers


def listen(**_: Any) -> None:
    """Nothing."""


async def test_the_operator_watches_what_the_command_line_lists() -> None:
    informers = Informers(cast(ApiClient, None), builtin(), listen)
    assert {cache.kind for cache in informers.caches} == {read.kind for read in PLANNING_KINDS}
    assert len(informers.caches) == len(PLANNING_KINDS)


def test_kinds_that_other_controllers_make_too_are_read_by_label() -> None:
    by_label = {read.kind.plural for read in PLANNING_KINDS if read.labels}
    controllers = (names.DEPLOYMENTS, names.LEADER_WORKER_SETS, names.REPLICA_SETS, names.STATEFUL_SETS)
    assert by_label == {kind.plural for kind in (*controllers, names.SERVICES, names.NETWORK_POLICIES, names.PODS)}
    assert "app.kubernetes.io/managed-by=modelmatrix" in MANAGED_BY_US


def test_pods_that_have_ended_are_read_only_where_they_are_ours_and_failed() -> None:
    pods = {(read.labels, read.fields) for read in PLANNING_KINDS if read.kind == names.PODS}
    assert pods == {("", "status.phase!=Succeeded,status.phase!=Failed"), (MANAGED_BY_US, "status.phase=Failed")}

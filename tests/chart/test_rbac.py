"""Where the operator may write, as the chart's values say."""

from __future__ import annotations

import pytest

from charts import Manifest, environment, of_kind, render
from localcluster.build.programs import Programs

pytestmark = pytest.mark.cluster

WRITES = {"create", "patch", "delete", "update"}
SUBJECT = [{"kind": "ServiceAccount", "name": "modelmatrix", "namespace": "modelmatrix-system"}]


def role(manifests: list[Manifest], name: str) -> set[tuple[str, str]]:
    """Verbs and resources of a ClusterRole."""
    (found,) = (item for item in of_kind(manifests, "ClusterRole") if item["metadata"]["name"] == name)
    return {(verb, resource) for rule in found["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def bindings(manifests: list[Manifest], kind: str) -> set[tuple[str, str]]:
    """Namespace and role of the bindings, which are all the operator's account's."""
    found = of_kind(manifests, kind)
    assert all(item["subjects"] == SUBJECT for item in found)
    return {(item["metadata"].get("namespace", ""), item["roleRef"]["name"]) for item in found}


def test_it_writes_in_every_namespace_by_default(programs: Programs) -> None:
    manifests = render(programs)
    assert bindings(manifests, "ClusterRoleBinding") == {("", "modelmatrix"), ("", "modelmatrix-writer")}
    assert bindings(manifests, "RoleBinding") == {("kube-system", "modelmatrix-leader-election")}
    assert "MODELMATRIX_WRITE_NAMESPACES" not in environment(manifests)


def test_in_a_scope_it_writes_in_the_namespaces_of_the_scope_only(programs: Programs) -> None:
    manifests = render(programs, "rbac.scope={trading,remote-banking}")
    assert bindings(manifests, "ClusterRoleBinding") == {("", "modelmatrix")}
    assert bindings(manifests, "RoleBinding") == {
        ("trading", "modelmatrix-writer"),
        ("remote-banking", "modelmatrix-writer"),
        ("default", "modelmatrix-events"),
        ("kube-system", "modelmatrix-leader-election"),
    }
    assert environment(manifests)["MODELMATRIX_WRITE_NAMESPACES"] == "trading,remote-banking"


def test_a_scope_with_the_namespace_of_cluster_events_needs_no_role_for_them(programs: Programs) -> None:
    assert ("default", "modelmatrix-events") not in bindings(render(programs, "rbac.scope={default}"), "RoleBinding")


def test_what_holds_for_the_whole_cluster_writes_statuses_only(programs: Programs) -> None:
    manifests = render(programs, "rbac.scope={trading}")
    writes = {(verb, resource) for verb, resource in role(manifests, "modelmatrix") if verb in WRITES}
    assert writes == {("patch", f"{kind}/status") for kind in ("modeldeployments", "acceleratorpools", "tenantpolicies")}
    assert ("create", "deployments") in role(manifests, "modelmatrix-writer")


def test_roles_may_be_given(programs: Programs) -> None:
    manifests = render(programs, "rbac.create=false", "rbac.aggregate=false", "rbac.scope={trading}")
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    assert [item for kind in kinds for item in of_kind(manifests, kind)] == []


def test_roles_of_people_are_added_on_their_own(programs: Programs) -> None:
    names = {item["metadata"]["name"] for item in of_kind(render(programs, "rbac.create=false"), "ClusterRole")}
    assert names == {"modelmatrix-view", "modelmatrix-edit"}
    own = {item["metadata"]["name"] for item in of_kind(render(programs, "rbac.aggregate=false"), "ClusterRole")}
    assert own == {"modelmatrix", "modelmatrix-writer"}

"""Names of other tenants: shown within a tenant, hidden between tenants, resolved by the operator alone."""

from __future__ import annotations

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.tenancy.rules import Decided, TenantRules
from modelmatrix.planning.tenancy.visibility import TenantNames

OWN, SISTER, OTHER = (NamespacedName(name, "chat") for name in ("own", "sister", "other"))
UIDS = {key: f"uid-{key.namespace}" for key in (OWN, SISTER, OTHER)}
DESK, BRANCH = TenantRules(policies=("desk",)), TenantRules(policies=("branch",))
NAMES = TenantNames({"own": DESK, "sister": DESK, "other": BRANCH}, UIDS)


def test_without_policies_all_are_one_tenant() -> None:
    assert TenantNames().shows("own", "other")


def test_the_same_policies_are_one_tenant() -> None:
    assert NAMES.shows("own", "own")
    assert NAMES.shows("own", "sister")
    assert not NAMES.shows("own", "other")


def test_a_namespace_without_a_policy_is_another_tenant_than_one_with() -> None:
    assert not NAMES.shows("own", "elsewhere")
    assert not NAMES.shows("elsewhere", "own")


def test_one_policy_that_takes_tenants_from_labels_has_several() -> None:
    rules = {name: TenantRules(policies=("all",), tenant=Decided("all", name)) for name in ("own", "other")}
    assert not TenantNames(rules).shows("own", "other")
    assert TenantNames({name: TenantRules(policies=("all",)) for name in rules}).shows("own", "other")


def test_a_policy_may_show_all() -> None:
    names = TenantNames({"own": TenantRules(policies=("desk",), shows_tenants=True), "other": BRANCH})
    assert names.shows("own", "other")
    assert not names.shows("other", "own")


def test_counts_of_hidden_ones_are_one_entry() -> None:
    assert NAMES.counts("own", {OTHER: 2, SISTER: 1}) == [("sister/chat", 1), ("a deployment of another tenant", 2)]
    more = NamespacedName("other", "code")
    assert NAMES.counts("own", {OTHER: 2, more: 3}) == [("deployments of other tenants", 5)]
    assert NAMES.counts("own", {SISTER: 1}) == [("sister/chat", 1)]


def test_a_pseudonym_tells_nothing_and_is_resolved() -> None:
    hidden = NAMES.reference("own", OTHER)
    assert hidden.namespace == "-"
    assert "other/" not in str(hidden)
    assert "chat" not in str(hidden)
    assert NAMES.resolve(hidden) == OTHER
    assert NAMES.reference("own", SISTER) == SISTER == NAMES.resolve(SISTER)


def test_a_pseudonym_depends_on_the_uid_so_that_names_cannot_be_tried() -> None:
    again = TenantNames(NAMES.rules, UIDS | {OTHER: "another-uid"})
    assert again.reference("own", OTHER) != NAMES.reference("own", OTHER)
    assert again.resolve(NAMES.reference("own", OTHER)) is None

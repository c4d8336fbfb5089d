"""Several policies of a namespace all hold; where none says anything the operator's default counts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factories import policy
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.planning.snapshot.snapshot import TenantDefaults
from modelmatrix.planning.snapshot.views import TenantPolicyView
from modelmatrix.planning.tenancy.rules import UNRESTRICTED, Allowed, Decided, TenantRules, rules_of

STRICT = TenantDefaults(Priority.P2, CustomCode.REFUSE, ("weights-*",))
priorities = st.none() | st.sampled_from(list(Priority))


def rules(*views: TenantPolicyView, defaults: TenantDefaults = STRICT, **labels: str) -> TenantRules:
    return rules_of(views, labels, defaults)


def test_without_a_policy_the_defaults_count() -> None:
    found = rules()
    assert (found.highest_priority, found.capped_by, found.code_refused_by) == (Priority.P2, "", ("",))
    assert found.secrets == (Allowed("", ("weights-*",)),)
    assert found.policies == found.pools == found.sources == ()


def test_a_planner_by_itself_allows_everything() -> None:
    found = rules(defaults=TenantDefaults())
    assert found == TenantRules(secrets=(Allowed("", ("*",)),))
    assert found.identity == UNRESTRICTED.identity


def test_what_a_policy_says_takes_the_place_of_the_default() -> None:
    found = rules(policy(name="desk", highestPriority="P0", customCode="Allow", secretNames=["reader"]))
    assert (found.highest_priority, found.capped_by, found.code_refused_by) == (Priority.P0, "desk", ())
    assert found.secrets == (Allowed("desk", ("reader",)),)


def test_a_policy_that_says_nothing_of_a_field_leaves_the_default() -> None:
    found = rules(policy(pools=["ascend-*"]))
    assert (found.highest_priority, found.code_refused_by) == (Priority.P2, ("",))
    assert found.secrets == (Allowed("", ("weights-*",)),)
    assert found.pools == (Allowed("tenant", ("ascend-*",)),)


def test_the_lowest_priority_counts_and_one_refusal_of_code_is_enough() -> None:
    base, desk = policy(name="base", highestPriority="P1", customCode="Refuse"), policy(name="desk", highestPriority="P0")
    found = rules(base, desk, policy(name="lab", customCode="Allow"))
    assert (found.highest_priority, found.capped_by, found.code_refused_by) == (Priority.P1, "base", ("base",))


def test_an_empty_list_allows_nothing_and_is_not_left_out() -> None:
    assert rules(policy(models=[])).models == (Allowed("tenant", ()),)


def test_lists_of_several_policies_must_all_hold() -> None:
    found = rules(policy(name="a", pools=["x"]), policy(name="b", pools=["y"]))
    assert found.pools == (Allowed("a", ("x",)), Allowed("b", ("y",)))


def test_tenant_and_cost_center_are_fixed_or_a_label_of_the_namespace() -> None:
    views = (policy(name="a", tenant={"value": "trading"}), policy(name="b", costCenter={"fromNamespaceLabel": "pays"}))
    found = rules(*views, pays="4711")
    assert (found.tenant, found.cost_center) == (Decided("a", "trading"), Decided("b", "4711", "pays"))
    assert rules(*views).cost_center == Decided("b", None, "pays")


def test_the_first_policy_by_name_decides_the_tenant() -> None:
    found = rules(policy(name="a", tenant={"value": "one"}), policy(name="b", tenant={"value": "two"}))
    assert found.tenant == Decided("a", "one")


def test_names_of_others_are_shown_only_when_every_policy_that_says_anything_shows_them() -> None:
    shows, hides, silent = policy(name="a", showOtherTenants=True), policy(name="b", showOtherTenants=False), policy(name="c")
    assert rules(shows, silent).shows_tenants
    assert not rules(silent).shows_tenants
    assert not rules(shows, hides).shows_tenants
    assert rules(hides, defaults=TenantDefaults(shows_tenants=True)).shows_tenants


@given(st.lists(priorities, max_size=4), st.sampled_from(list(Priority)), priorities)
def test_one_more_policy_never_raises_the_priority_that_others_allow(
    stated: list[Priority | None], default: Priority, more: Priority | None
) -> None:
    views: list[Any] = [policy(name=f"p{index}", highestPriority=value) for index, value in enumerate(stated)]
    defaults = TenantDefaults(default)
    before = rules(*views, defaults=defaults).highest_priority
    after = rules(*views, policy(name="z", highestPriority=more), defaults=defaults).highest_priority
    assert after.rank >= before.rank or all(value is None for value in stated)
    if more is not None:
        assert after.rank >= more.rank

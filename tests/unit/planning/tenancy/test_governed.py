"""A spec as it counts, and what its owner is told of the difference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import deployment_spec
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.tenancy.governed import govern
from modelmatrix.planning.tenancy.rules import UNRESTRICTED, Decided, TenantRules

ranks = st.sampled_from(list(Priority))


def messages(rules: TenantRules, **fields: Any) -> list[str]:
    return [note.message for note in govern(deployment_spec(**fields), rules)[1]]


def test_a_spec_within_the_rules_is_the_same_object() -> None:
    spec = deployment_spec(priority="P0", tenant="trading")
    assert govern(spec, UNRESTRICTED) == (spec, ())
    assert govern(spec, UNRESTRICTED)[0] is spec


def test_a_priority_above_the_highest_counts_as_the_highest() -> None:
    spec, (note,) = govern(deployment_spec(priority="P0"), TenantRules(highest_priority=Priority.P2))
    assert (spec.priority, note.reason) == (Priority.P2, Reason.PRIORITY_CAPPED)
    assert note.message == (
        "spec.priority P0 counts as P2, the highest of a namespace whose TenantPolicies set none; lower it, or have an admin "
        "create a TenantPolicy for the namespace with highestPriority: P0"
    )
    assert messages(TenantRules(highest_priority=Priority.P2, capped_by="branches"), priority="P1") == [
        (
            "spec.priority P1 counts as P2, the highest that TenantPolicy branches allows; lower it, or have an admin raise "
            "highestPriority there"
        )
    ]


def test_who_pays_is_the_policys_word() -> None:
    rules = TenantRules(tenant=Decided("desk", "trading"), cost_center=Decided("desk", "4711", "pays"))
    spec, notes = govern(deployment_spec(tenant="retail", costCenter="0001"), rules)
    assert (spec.tenant, spec.cost_center) == ("trading", "4711")
    assert {note.reason for note in notes} == {Reason.TENANT_OVERRIDDEN}
    assert [note.message for note in notes] == [
        "spec.tenant retail counts as trading, which TenantPolicy desk decides; leave spec.tenant out",
        (
            "spec.costCenter 0001 counts as 4711, which TenantPolicy desk decides from the namespace's label pays; leave "
            "spec.costCenter out"
        ),
    ]


def test_a_missing_label_gives_no_tenant_rather_than_the_users_word() -> None:
    spec, (note,) = govern(deployment_spec(tenant="retail"), TenantRules(tenant=Decided("desk", None, "unit")))
    assert spec.tenant is None
    assert note.message == (
        "spec.tenant retail does not count: TenantPolicy desk takes it from the namespace's label unit, which is missing"
    )


@pytest.mark.parametrize("given_tenant", [None, "trading"])
def test_nothing_is_told_to_who_says_nothing_or_the_same(given_tenant: str | None) -> None:
    spec, notes = govern(deployment_spec(tenant=given_tenant), TenantRules(tenant=Decided("desk", "trading")))
    assert (spec.tenant, notes) == ("trading", ())


@given(ranks, ranks, ranks)
def test_the_cap_is_monotone(wanted: Priority, tight: Priority, loose: Priority) -> None:
    tight, loose = sorted((tight, loose), key=lambda priority: -priority.rank)

    def counts(highest: Priority) -> int:
        return govern(deployment_spec(priority=wanted), TenantRules(highest_priority=highest))[0].priority.rank

    assert counts(tight) >= counts(loose) >= wanted.rank
    assert counts(tight) == max(wanted.rank, tight.rank)

"""Rules by namespace for a whole snapshot, and what is remembered of them."""

from __future__ import annotations

from dataclasses import replace

from factories import deployment, namespace, policy, snapshot
from modelmatrix.api.model_deployment import Priority
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.tenancy.tenancy import Tenancy, TenancyCache, tenancy_of


def of(state: Snapshot) -> Tenancy:
    return tenancy_of(state, TenancyCache())


CAPPED = snapshot(
    deployments=(deployment(priority="P0"), deployment(namespace="desk", priority="P0")),
    tenant_policies=(policy(name="base", highestPriority="P3", namespaces=["bank"]),),
)


def test_deployments_are_governed_by_the_rules_of_their_namespace() -> None:
    tenancy = of(CAPPED)
    ours, desks = tenancy.deployments
    assert ours.spec is not None
    assert (ours.spec.priority, len(ours.notes)) == (Priority.P3, 1)
    assert desks is CAPPED.deployments[1]
    assert tenancy.rules["bank"].policies == ("base",)
    assert tenancy.rules["desk"].policies == ()


def test_a_governed_view_is_the_same_until_spec_or_rules_change() -> None:
    cache = TenancyCache()
    first = tenancy_of(CAPPED, cache).deployments[0]
    assert tenancy_of(CAPPED, cache).deployments[0].spec is first.spec
    looser = replace(CAPPED, tenant_policies=(policy(name="base", highestPriority="P1"),))
    loose = tenancy_of(looser, cache).deployments[0].spec
    assert loose is not None
    assert loose.priority is Priority.P1
    edited = replace(looser, deployments=(deployment(priority="P2"),))
    assert tenancy_of(edited, cache).deployments == edited.deployments


def test_a_changed_label_of_a_namespace_changes_its_rules() -> None:
    view = policy(tenant={"fromNamespaceLabel": "unit"})
    state = snapshot(deployments=(deployment(),), tenant_policies=(view,), namespaces=(namespace(unit="a"),))
    cache = TenancyCache()
    tenants = [tenancy_of(replace(state, namespaces=(namespace(unit=unit),)), cache).deployments[0].spec for unit in ("a", "b")]
    assert [spec and spec.tenant for spec in tenants] == ["a", "b"]


def test_a_branch_leaves_the_cache_as_it_is() -> None:
    cache = TenancyCache()
    tenancy_of(CAPPED, cache)
    kept = dict(cache.rules)
    tenancy_of(replace(CAPPED, tenant_policies=()), cache.branch())
    assert cache.rules == kept


def test_quotas_count_the_namespaces_with_deployments() -> None:
    limited = policy(name="limited", devices=[{"max": 8}, {"max": 4, "priority": "P0"}], namespaces=["bank", "desk"])
    quotas = of(replace(CAPPED, tenant_policies=(limited, policy(name="broken", spec=None)))).quotas()
    assert [(quota.position, quota.most, quota.namespaces) for quota in quotas.used] == [
        (0, 8, {"bank", "desk"}),
        (1, 4, {"bank", "desk"}),
    ]


def test_a_policy_selects_namespaces_without_deployments_too() -> None:
    tenancy = of(replace(CAPPED, namespaces=(namespace("empty"),)))
    assert tenancy.selected(policy()) == ["bank", "desk", "empty"]
    assert tenancy.selected(policy(namespaces=["empty"])) == ["empty"]
    assert tenancy.selected(policy(spec=None)) == []

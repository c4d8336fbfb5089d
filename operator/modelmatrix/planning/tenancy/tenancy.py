"""The tenants of a snapshot: rules by namespace, governed deployments and quotas. Pure.

Rules change when a policy, a namespace or the operator's defaults do, so they are remembered until then; a governed view is
remembered until its deployment or the rules change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.snapshot.snapshot import Snapshot, TenantDefaults
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, NamespaceView, PolicyNote, TenantPolicyView
from modelmatrix.planning.tenancy.governed import govern
from modelmatrix.planning.tenancy.quota import DeviceQuotas, Quota
from modelmatrix.planning.tenancy.rules import TenantRules, rules_of
from modelmatrix.planning.tenancy.selector import labels_of, policies_of, selects
from modelmatrix.planning.tenancy.visibility import TenantNames


class _Inputs(NamedTuple):
    """What rules depend on."""

    policies: tuple[TenantPolicyView, ...]
    namespaces: tuple[NamespaceView, ...]
    defaults: TenantDefaults


class _Governed(NamedTuple):
    """A spec, the rules that it was governed by, and the result."""

    spec: ModelDeploymentSpec
    rules: TenantRules
    counts: ModelDeploymentSpec
    notes: tuple[PolicyNote, ...]


@dataclass(slots=True)
class TenancyCache:
    """Rules by namespace and governed specs, for the next plan."""

    governed: LastResults[NamespacedName, _Governed] = field(default_factory=LastResults)
    inputs: _Inputs | None = None
    rules: dict[str, TenantRules] = field(default_factory=dict)

    def branch(self) -> TenancyCache:
        """A cache that begins with what this one has and leaves it as it is."""
        return TenancyCache(self.governed.branch(), self.inputs, dict(self.rules))


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The tenants of a snapshot.

    ``rules`` are those of every namespace with a deployment; ``deployments`` are the snapshot's, as they count. ``names``
    decides who may read whose name.
    """

    rules: Mapping[str, TenantRules]
    names: TenantNames
    deployments: tuple[DeploymentView, ...]
    policies: tuple[TenantPolicyView, ...]
    namespaces: Mapping[str, NamespaceView]

    def quotas(self) -> DeviceQuotas:
        """The quotas of all policies, with nothing charged; those of a policy without a deployment too."""
        return DeviceQuotas({quota: 0 for policy in self.policies for quota in self._of(policy)})

    def _of(self, policy: TenantPolicyView) -> list[Quota]:
        if policy.spec is None or not policy.spec.devices:
            return []
        concerned = frozenset(name for name, rules in self.rules.items() if policy.name in rules.policies)
        return [
            Quota(policy.name, index, concerned, limit.priority, limit.accelerator, limit.max)
            for index, limit in enumerate(policy.spec.devices)
        ]

    def selected(self, policy: TenantPolicyView) -> list[str]:
        """Namespaces that a policy selects: those that were read, and those of deployments."""
        if policy.spec is None:
            return []
        selector, known = policy.spec.namespace_selector, {*self.namespaces, *self.rules}
        return sorted(name for name in known if selects(selector, labels_of(name, self.namespaces)))


def tenancy_of(snapshot: Snapshot, cache: TenancyCache) -> Tenancy:
    """The tenants of a snapshot."""
    inputs = _Inputs(snapshot.tenant_policies, snapshot.namespaces, snapshot.settings.tenancy)
    if inputs != cache.inputs:
        cache.inputs = inputs
        cache.rules.clear()
    namespaces = {view.name: view for view in snapshot.namespaces}
    rules: dict[str, TenantRules] = {}
    for name in sorted({view.key.namespace for view in snapshot.deployments}):
        if name not in cache.rules:
            labels = labels_of(name, namespaces)
            cache.rules[name] = rules_of(policies_of(labels, inputs.policies), labels, inputs.defaults)
        rules[name] = cache.rules[name]
    deployments = tuple(_governed(view, rules[view.key.namespace], cache) for view in snapshot.deployments)
    policies = tuple(sorted(inputs.policies, key=lambda policy: policy.name))
    names = TenantNames(rules, {view.key: view.uid for view in deployments})
    return Tenancy(rules, names, deployments, policies, namespaces)


def _governed(view: DeploymentView, rules: TenantRules, cache: TenancyCache) -> DeploymentView:
    if view.spec is None:
        return view
    last = cache.governed.get(view.key)
    if last is None or last.spec is not view.spec or last.rules is not rules:
        last = _Governed(view.spec, rules, *govern(view.spec, rules))
        cache.governed.put(view.key, last)
    return view if last.counts is view.spec else replace(view, spec=last.counts, notes=last.notes)

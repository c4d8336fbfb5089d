"""Which namespaces a TenantPolicy selects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelmatrix.api import names
from modelmatrix.api.tenant_policy import NamespaceSelector, SelectorOperator, SelectorRequirement
from modelmatrix.planning.snapshot.views import NamespaceView, TenantPolicyView

Labels = Mapping[str, str]


def selects(selector: NamespaceSelector, labels: Labels) -> bool:
    """Whether labels meet every line of a selector, as the API server reads label selectors; an empty one selects all."""
    exact = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return exact and all(_meets(requirement, labels) for requirement in selector.match_expressions)


def _meets(requirement: SelectorRequirement, labels: Labels) -> bool:
    value = labels.get(requirement.key)
    if requirement.operator is SelectorOperator.EXISTS:
        return value is not None
    if requirement.operator is SelectorOperator.DOES_NOT_EXIST:
        return value is None
    return (value in requirement.values) == (requirement.operator is SelectorOperator.IN)


def labels_of(namespace: str, namespaces: Mapping[str, NamespaceView]) -> Labels:
    """Labels of a namespace; of one that was not read only its name is known, which the API server gives as a label."""
    view = namespaces.get(namespace)
    return {names.LABEL_NAMESPACE_NAME: namespace, **(view.labels if view else {})}


def policies_of(labels: Labels, policies: Iterable[TenantPolicyView]) -> list[TenantPolicyView]:
    """The policies that select labels, by name."""
    matching = (policy for policy in policies if policy.spec and selects(policy.spec.namespace_selector, labels))
    return sorted(matching, key=lambda policy: policy.name)

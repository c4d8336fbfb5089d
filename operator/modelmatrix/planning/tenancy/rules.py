"""What the deployments of one namespace may use: the sum of its TenantPolicies and the operator's defaults. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode, FixedOrLabel, TenantPolicySpec
from modelmatrix.planning.snapshot.snapshot import TenantDefaults
from modelmatrix.planning.snapshot.views import TenantPolicyView
from modelmatrix.planning.tenancy.selector import Labels

DEFAULT = ""  # in place of a policy's name: the operator's default


class Allowed(NamedTuple):
    """The patterns that one policy allows, with its name."""

    policy: str
    patterns: tuple[str, ...]


class Decided(NamedTuple):
    """A value that a policy decides in place of the spec; ``None`` where the namespace lacks the ``label``."""

    policy: str
    value: str | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class TenantRules:
    """What a namespace may use. Every entry of ``pools``, ``sources``, ``models``, ``secrets`` and ``claims`` must hold.

    ``policies`` are the names of the policies that select the namespace. ``capped_by`` is the policy with the lowest
    ``highest_priority``; ``code_refused_by`` are those that refuse custom code, none when it may run.
    """

    policies: tuple[str, ...] = ()
    highest_priority: Priority = Priority.P0
    capped_by: str = DEFAULT
    code_refused_by: tuple[str, ...] = ()
    pools: tuple[Allowed, ...] = ()
    sources: tuple[Allowed, ...] = ()
    models: tuple[Allowed, ...] = ()
    secrets: tuple[Allowed, ...] = ()
    claims: tuple[Allowed, ...] = ()
    tenant: Decided | None = None
    cost_center: Decided | None = None
    shows_tenants: bool = False

    @property
    def identity(self) -> tuple[tuple[str, ...], str | None]:
        """Equal for namespaces of one tenant: the same policies, and the same tenant where they decide it."""
        return self.policies, self.tenant.value if self.tenant else None


UNRESTRICTED = TenantRules()


def rules_of(policies: Sequence[TenantPolicyView], labels: Labels, defaults: TenantDefaults) -> TenantRules:
    """The rules of a namespace with these labels; ``policies`` are those that select it, by name."""
    specs = [(policy.name, policy.spec) for policy in policies if policy.spec is not None]
    caps = [(spec.highest_priority, name) for name, spec in specs if spec.highest_priority is not None]
    highest, capped_by = max(caps, default=(defaults.highest_priority, DEFAULT), key=lambda cap: cap[0].rank)
    shows = [spec.show_other_tenants for _, spec in specs if spec.show_other_tenants is not None]
    secrets = _allowed((name, spec.secret_names) for name, spec in specs)
    return TenantRules(
        policies=tuple(name for name, _ in specs),
        highest_priority=highest,
        capped_by=capped_by,
        code_refused_by=_refusing_code(specs, defaults),
        pools=_allowed((name, spec.pools) for name, spec in specs),
        sources=_allowed((name, spec.sources) for name, spec in specs),
        models=_allowed((name, spec.models) for name, spec in specs),
        secrets=secrets or (Allowed(DEFAULT, defaults.secret_names),),
        claims=_allowed((name, spec.claim_names) for name, spec in specs),
        tenant=_decided(((name, spec.tenant) for name, spec in specs), labels),
        cost_center=_decided(((name, spec.cost_center) for name, spec in specs), labels),
        shows_tenants=defaults.shows_tenants or (bool(shows) and all(shows)),
    )


def _allowed(stated: Iterable[tuple[str, Iterable[str] | None]]) -> tuple[Allowed, ...]:
    return tuple(Allowed(name, tuple(patterns)) for name, patterns in stated if patterns is not None)


def _refusing_code(specs: Sequence[tuple[str, TenantPolicySpec]], defaults: TenantDefaults) -> tuple[str, ...]:
    stated = [(name, spec.custom_code) for name, spec in specs if spec.custom_code is not None]
    return tuple(name for name, code in stated or [(DEFAULT, defaults.custom_code)] if code is CustomCode.REFUSE)


def _decided(stated: Iterable[tuple[str, FixedOrLabel | None]], labels: Labels) -> Decided | None:
    """The first policy by name decides; that another one says something else is in the policies' statuses."""
    return next((decided_value(name, choice, labels) for name, choice in stated if choice is not None), None)


def decided_value(policy: str, choice: FixedOrLabel, labels: Labels) -> Decided:
    """What a policy decides for a namespace with these labels."""
    if choice.value is not None:
        return Decided(policy, choice.value)
    key = choice.from_namespace_label or ""
    return Decided(policy, labels.get(key) or None, key)

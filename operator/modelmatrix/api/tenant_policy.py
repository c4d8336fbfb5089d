"""TenantPolicy: what the deployments of some namespaces may use, owned by the cluster's admins."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from modelmatrix.api.base import ATOMIC_LIST, ATOMIC_MAP, SET_LIST, ApiModel, keyed_list, rule, rules
from modelmatrix.api.conditions import condition_types
from modelmatrix.api.model_deployment import Condition, LabelValue, Priority
from modelmatrix.api.names import TENANT_POLICIES

NAME_PATTERN = r"^[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$"
MODEL_PATTERN = r"^[A-Za-z0-9*][A-Za-z0-9*._/-]*$"
PREFIX_PATTERN = r"^(modelscope|hf|s3|obs|oci|pvc)://[^\s@]*$"
LABEL_KEY_PATTERN = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"

LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317, pattern=LABEL_KEY_PATTERN)]
MapKey = Annotated[str, StringConstraints(min_length=1, max_length=317)]  # a schema of Kubernetes has no pattern for keys
LabelText = Annotated[str, StringConstraints(max_length=63)]
NamePattern = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=NAME_PATTERN)]
ModelPattern = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=MODEL_PATTERN)]
SourcePrefix = Annotated[str, StringConstraints(min_length=5, max_length=512, pattern=PREFIX_PATTERN)]
NamePatterns = Annotated[list[NamePattern], Field(max_length=64)]


class CustomCode(StrEnum):
    """Whether engines may run code that comes with the weights."""

    ALLOW = "Allow"
    REFUSE = "Refuse"


class SelectorOperator(StrEnum):
    """How a requirement compares a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorRequirement(ApiModel):
    """One requirement of a label selector, as in meta/v1."""

    model_config = ApiModel.model_config | {
        "json_schema_extra": rules(
            rule(
                "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                "'operator %s of key %s: In and NotIn need values, the others have none'.format([self.operator, self.key])",
                message="In and NotIn need values, Exists and DoesNotExist have none",
            )
        )
    }

    key: LabelKey = Field(description="Label key, e.g. bank.local/unit.")
    operator: SelectorOperator = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: Annotated[list[LabelText], Field(max_length=64)] = Field(
        default_factory=list, description="Values for In and NotIn.", json_schema_extra=ATOMIC_LIST
    )


class NamespaceSelector(ApiModel):
    """Which namespaces a policy is for: those that meet every line; all namespaces when it is empty."""

    match_labels: Annotated[dict[MapKey, LabelText], Field(max_length=16)] = Field(
        default_factory=dict,
        description="Labels that a namespace must have, e.g. kubernetes.io/metadata.name: remote-banking.",
        json_schema_extra=ATOMIC_MAP,
    )
    match_expressions: Annotated[list[SelectorRequirement], Field(max_length=16)] = Field(
        default_factory=list, description="Requirements that its labels must meet.", json_schema_extra=ATOMIC_LIST
    )


class DeviceQuota(ApiModel):
    """Most devices that all deployments of the policy's namespaces may have together."""

    priority: Priority | None = Field(
        default=None, description="Only devices of deployments with this priority count. When left out every priority."
    )
    accelerator: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = Field(
        default=None, description="Only devices of this chip count, e.g. 910b-64g. When left out every chip."
    )
    max: int = Field(ge=0, le=1_000_000, description="Most devices, e.g. 32.")


class FixedOrLabel(ApiModel):
    """A value that the policy decides, not the deployment."""

    model_config = ApiModel.model_config | {
        "json_schema_extra": rules(
            rule(
                "has(self.value) != has(self.fromNamespaceLabel)",
                "'value %s and fromNamespaceLabel %s: set one of them'.format([has(self.value) ? self.value : 'none', "
                "has(self.fromNamespaceLabel) ? self.fromNamespaceLabel : 'none'])",
                message="set value or fromNamespaceLabel, and not both",
            )
        )
    }

    value: LabelValue | None = Field(default=None, description="The value itself, e.g. trading.")
    from_namespace_label: LabelKey | None = Field(
        default=None, description="Key of the namespace's label that has the value, e.g. bank.local/cost-center."
    )


class TenantPolicySpec(ApiModel):
    """What deployments may use. Several policies for a namespace all hold; a field that is left out decides nothing."""

    namespace_selector: NamespaceSelector = Field(
        description="Namespaces that the policy is for, by their labels; {} for all. Together they are one tenant."
    )
    pools: NamePatterns | None = Field(
        default=None,
        description="Names of the AcceleratorPools that may be used, with * for any text, e.g. ascend-*. When left out all.",
        json_schema_extra=SET_LIST,
    )
    highest_priority: Priority | None = Field(
        default=None,
        description="Highest priority, e.g. P1: a deployment above it counts as P1. When no policy of a namespace sets it, "
        "the operator's default counts (tenancy.highestPriority of the chart).",
    )
    devices: Annotated[list[DeviceQuota], Field(max_length=16)] = Field(
        default_factory=list,
        description="Most devices over all namespaces of the policy. What serves stays when a limit is lowered; no further "
        "replica is placed.",
        json_schema_extra=ATOMIC_LIST,
    )
    sources: Annotated[list[SourcePrefix], Field(max_length=64)] | None = Field(
        default=None,
        description="Beginnings of the sources that weights may come from, up to a whole path segment, e.g. "
        "oci://registry.bank.local/models/ or pvc://. When left out all.",
        json_schema_extra=SET_LIST,
    )
    models: Annotated[list[ModelPattern], Field(max_length=64)] | None = Field(
        default=None,
        description="Models that may be served, by canonical id with or without organisation, with * for any text, e.g. "
        "Qwen/* or Qwen3-32B; upper and lower case are the same. When left out all.",
        json_schema_extra=SET_LIST,
    )
    custom_code: CustomCode | None = Field(
        default=None,
        description="Whether engines may run code that comes with the weights (--trust-remote-code), which some models "
        "need. When no policy of a namespace sets it, the operator's default counts (tenancy.customCode of the chart).",
    )
    secret_names: NamePatterns | None = Field(
        default=None,
        description="Names that spec.model.secretName and spec.apiKey.secretName may have, with * for any text, "
        "e.g. weights-*. When no policy of a "
        "namespace sets it, the operator's default counts (tenancy.secretNames of the chart).",
        json_schema_extra=SET_LIST,
    )
    claim_names: NamePatterns | None = Field(
        default=None,
        description="Names that the claim of a pvc:// source may have, with * for any text, e.g. weights*. When left out all.",
        json_schema_extra=SET_LIST,
    )
    tenant: FixedOrLabel | None = Field(
        default=None, description="Tenant of every deployment, in place of spec.tenant. When left out spec.tenant counts."
    )
    cost_center: FixedOrLabel | None = Field(
        default=None,
        description="Cost centre that pays, in place of spec.costCenter. When left out spec.costCenter counts.",
    )
    show_other_tenants: bool | None = Field(
        default=None,
        description="Whether statuses name deployments of other tenants, e.g. those that replicas gave way to. When no "
        "policy of a namespace sets it they do not.",
    )


class DeviceQuotaStatus(ApiModel):
    """One limit of spec.devices with what counts against it."""

    priority: str | None = Field(default=None, description="Priority that counts; absent for every one.", max_length=2)
    accelerator: str | None = Field(default=None, description="Chip that counts; absent for every one.", max_length=63)
    max: int = Field(description="Most devices.", ge=0)
    used: int = Field(description="Devices of the replicas that the tenant's deployments have.", ge=0)


class TenantPolicyStatus(ApiModel):
    """The observed state."""

    namespaces: int | None = Field(default=None, description="Namespaces that the selector matches.", ge=0)
    deployments: int | None = Field(default=None, description="ModelDeployments in these namespaces.", ge=0)
    devices: Annotated[list[DeviceQuotaStatus], Field(max_length=16)] = Field(
        default_factory=list, description="The limits of spec.devices, in the same order.", json_schema_extra=ATOMIC_LIST
    )
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description=f"State in the form that tools understand: {', '.join(condition_types(TENANT_POLICIES))}.",
        json_schema_extra=keyed_list("type"),
    )
    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status describes.", ge=0
    )

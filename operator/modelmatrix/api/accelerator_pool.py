"""AcceleratorPool: a homogeneous set of nodes, owned by the cluster's admins."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from modelmatrix.api.base import ATOMIC_LIST, ATOMIC_MAP, SET_LIST, ApiModel, keyed_list, rule, rules
from modelmatrix.api.conditions import condition_types
from modelmatrix.api.model_deployment import Condition, LabelValue, ObjectName
from modelmatrix.api.names import ACCELERATOR_POOLS

PATH_PATTERN = r"^/[^\s]*$"

HostPath = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=PATH_PATTERN)]
LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317)]
GroupId = Annotated[int, Field(ge=0, le=2**31 - 1)]  # what the API server takes in a pod
LabelText = Annotated[str, StringConstraints(max_length=63)]


class Toleration(ApiModel):
    """A toleration as in core/v1."""

    key: Annotated[str, StringConstraints(max_length=317)] | None = Field(
        default=None, description="Taint key, e.g. nvidia.com/gpu. When left out every key is meant."
    )
    operator: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="Equal or Exists. When left out the API server takes Equal."
    )
    value: LabelText | None = Field(default=None, description="Taint value for Equal, e.g. night.")
    effect: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        default=None, description="NoSchedule, PreferNoSchedule or NoExecute. When left out every effect is meant."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that a NoExecute taint is tolerated, e.g. 300."
    )


class Driver(StrEnum):
    """Where the driver of the accelerator in a pod comes from."""

    RUNTIME = "Runtime"
    HOST = "Host"


class HostMount(ApiModel):
    """A path of the node that every engine pod of the pool needs, e.g. a driver that no device runtime mounts."""

    host_path: HostPath = Field(description="Path on the node, e.g. /usr/local/Ascend/driver/lib64.")
    mount_path: HostPath | None = Field(default=None, description="Path in the container. When left out it is hostPath.")
    read_only: bool = Field(default=True, description="Whether the container may only read it.")


class Price(ApiModel):
    """What a device costs."""

    amount: Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")] = Field(
        description="Price of one device for one hour, as a decimal string, e.g. '6.80'."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", min_length=3, max_length=3)] = Field(
        description="ISO 4217 code, e.g. CNY."
    )


class Limits(ApiModel):
    """What this operator may use."""

    devices: int | None = Field(
        default=None, ge=0, le=1_000_000, description="Most devices that this operator may use, e.g. 128."
    )


class AcceleratorPoolSpec(ApiModel):
    """What the admin declares."""

    accelerator: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Catalogue id of the chip, e.g. 910b-64g, a3-die-64g, 310p3-duo-48g, h20-96g or a800-80g."
    )
    resource_name: Annotated[str, StringConstraints(min_length=3, max_length=317, pattern=r"^[^/\s]+/[^/\s]+$")] = Field(
        description="Extended resource that the device plugin advertises, e.g. nvidia.com/gpu, huawei.com/Ascend910 or "
        "huawei.com/ascend-1980."
    )
    node_selector: Annotated[dict[LabelKey, LabelText], Field(min_length=1, max_length=16)] = Field(
        description="Labels of the pool's nodes, e.g. modelmatrix.io/pool: ascend-a. A node that two pools match counts "
        "for neither.",
        json_schema_extra=ATOMIC_MAP,
    )
    tolerations: Annotated[list[Toleration], Field(max_length=16)] = Field(
        default_factory=list, description="Tolerations of the engine pods.", json_schema_extra=ATOMIC_LIST
    )
    runtime_class_name: ObjectName | None = Field(
        default=None, description="RuntimeClass of the engine pods, e.g. ascend. It must exist."
    )
    scheduler_name: ObjectName | None = Field(
        default=None, description="Scheduler of the engine pods, e.g. volcano. When left out the API server's default."
    )
    supplemental_groups: Annotated[list[GroupId], Field(max_length=16)] = Field(
        default_factory=list,
        description="Numeric groups that may open the device files, e.g. 1000.",
        json_schema_extra=SET_LIST,
    )
    host_network: bool = Field(
        default=False,
        description="Whether replicas of several nodes use the host's network, for RoCE. Leaves Pod Security restricted.",
    )
    driver: Driver = Field(
        default=Driver.RUNTIME,
        description="Where the driver in engine pods comes from: Runtime (the device plugin or the runtime class) or Host "
        "(the paths that the catalogue names for the chip are mounted from the node; leaves Pod Security restricted).",
    )
    host_mounts: Annotated[list[HostMount], Field(max_length=32)] = Field(
        default_factory=list,
        description="Further paths of the node that engine pods need. Leaves Pod Security restricted.",
        json_schema_extra=keyed_list("hostPath"),
    )
    site: LabelValue | None = Field(default=None, description="Data centre of the pool, e.g. site-a.")
    price: Price | None = Field(default=None, description="What a device of the pool costs.")
    limits: Limits | None = Field(default=None, description="What this operator may use of the pool.")
    images: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=63)],
            Annotated[str, StringConstraints(min_length=1, max_length=512)],
        ],
        Field(max_length=16),
    ] = Field(
        default_factory=dict,
        description="Container image by engine name, in place of the catalogue's, e.g. vLLM-Ascend: "
        "registry.bank.local/vllm-ascend:TAG.",
        json_schema_extra=ATOMIC_MAP,
    )


class DeviceCounts(ApiModel):
    """Devices of the pool."""

    total: int = Field(description="Devices that the nodes have, unhealthy ones too.", ge=0)
    allocated: int = Field(description="Devices that pods hold, terminating ones too.", ge=0)
    free: int = Field(description="Devices that new pods may use now.", ge=0)
    unhealthy: int = Field(description="Devices that the device plugin does not offer.", ge=0)


class NodeCounts(ApiModel):
    """Nodes of the pool."""

    total: int = Field(description="Nodes that the selector matches.", ge=0)
    ready: int = Field(description="Nodes that are Ready and not cordoned.", ge=0)
    usable: int = Field(
        default=0,
        description="Nodes that take new replicas: Ready, not cordoned, without a taint that the pool does not tolerate, and "
        "with a device plugin that offers devices.",
        ge=0,
    )


class Shape(ApiModel):
    """What the pool's nodes are made of, as learned from them. It stays while nodes offer no devices for a while."""

    accelerator: Annotated[str, StringConstraints(max_length=63)] = Field(
        description="The chip for which it was learned: spec.accelerator of that time."
    )
    resource_name: Annotated[str, StringConstraints(max_length=317)] = Field(
        description="The extended resource for which it was learned: spec.resourceName of that time."
    )
    devices_per_node: int = Field(description="Devices of a whole node, e.g. 8. Layouts follow it.", ge=1)


class AcceleratorPoolStatus(ApiModel):
    """The observed state."""

    devices: DeviceCounts | None = Field(default=None, description="Devices of the pool.")
    nodes: NodeCounts | None = Field(default=None, description="Nodes of the pool.")
    shape: Shape | None = Field(default=None, description="What the nodes are made of; absent while that is not known.")
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description=f"State in the form that tools understand: {', '.join(condition_types(ACCELERATOR_POOLS))}.",
        json_schema_extra=keyed_list("type"),
    )
    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status describes.", ge=0
    )


POOL_NAME_RULES = rules(
    rule(
        "self.metadata.name.size() <= 63",
        "'metadata.name %s has %d characters, more than 63: it is used as a label value'"
        ".format([self.metadata.name, self.metadata.name.size()])",
        message="metadata.name has more than 63 characters",
    )
)

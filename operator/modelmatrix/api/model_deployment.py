"""ModelDeployment: one scenario's model, the pools it may run on, its number and its SLO."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from modelmatrix.api.base import ATOMIC_LIST, ApiModel, keyed_list, rule, rules
from modelmatrix.api.conditions import condition_types
from modelmatrix.api.names import MODEL_DEPLOYMENTS, NAME_MAX_LENGTH

LABEL_VALUE_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
SUBDOMAIN_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
# Regular expressions of RE2, as the API server reads them. The characters of a source are those of ``weights_source``.
_SOURCE_PATH = r"[\p{L}\p{N}_~+=:%][\p{L}\p{N}._~+=:/%-]*"
SOURCE_PATTERN = rf"^((modelscope|hf|oci|pvc)://{_SOURCE_PATH}(@{_SOURCE_PATH})?|(s3|obs)://{_SOURCE_PATH})$"
# What a terminal, a log or a Markdown report prints as it is: no control, format or separator characters.
PRINTABLE_PATTERN = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$"
# An argument of an engine: not a flag, and no $(VARIABLE), which the kubelet would expand.
ARGUMENT_PATTERN = r"^[^\p{C}\p{Z}$-][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}$]*$"

LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=LABEL_VALUE_PATTERN)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=SUBDOMAIN_PATTERN)]
SourceText = Annotated[
    str,
    StringConstraints(min_length=6, max_length=512, pattern=SOURCE_PATTERN),
    Field(
        json_schema_extra=rules(
            rule(
                "!self.split('/').exists(segment, segment.startsWith('.') || segment.startsWith('-'))",
                "'source %s has a path segment that begins with a dot or a hyphen'.format([self])",
                message="no path segment of a source may begin with a dot or a hyphen",
            )
        )
    ),
]


class Quantization(StrEnum):
    """Format of the weights at source."""

    BF16 = "BF16"
    FP16 = "FP16"
    FP8 = "FP8"
    W8A8 = "W8A8"
    W8A8SC = "W8A8SC"
    W8A16 = "W8A16"
    W4A16 = "W4A16"
    W4A8 = "W4A8"
    AWQ = "AWQ"
    GPTQ = "GPTQ"
    INT4 = "INT4"
    MXFP4 = "MXFP4"
    NVFP4 = "NVFP4"
    GGUF = "GGUF"


class Priority(StrEnum):
    """Which deployments give way when devices are short: P3 first, P0 never."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def rank(self) -> int:
        """Place in the order of importance: 0 for P0, greater for what gives way earlier."""
        return _PRIORITY_RANKS[self]


_PRIORITY_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class PlacementPolicy(StrEnum):
    """How replicas are spread over the candidate pools."""

    ORDERED = "Ordered"
    CHEAPEST = "Cheapest"
    SPREAD = "Spread"


class UnlistedPolicy(StrEnum):
    """What to do with a model that the engine's support list does not name."""

    REFUSE = "Refuse"
    ALLOW = "Allow"


class ModelReference(ApiModel):
    """Which model, and where its weights are."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE_PATTERN)] = Field(
        description="Catalogue id or alias of the model, e.g. Qwen3-32B, DeepSeek-R1 or bge-m3; with or without the "
        "organisation (Qwen/Qwen3-32B), in any case. The canonical form is in status.model."
    )
    source: SourceText = Field(
        description="Where the weights are, e.g. modelscope://Qwen/Qwen3-32B@master, hf://Qwen/Qwen3-32B, "
        "s3://bucket/path, obs://bucket/path, oci://registry/image@digest or pvc://CLAIM/PATH; a revision or digest "
        "follows '@', but not for object stores. No path segment may begin with a dot or a hyphen, and no credentials belong "
        "here: they are in the Secret of secretName."
    )
    secret_name: ObjectName | None = Field(
        default=None,
        description="Secret of the same namespace with the credentials of the source, e.g. weights-reader. The kubelet "
        "reads it; the operator never does.",
    )
    served_name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=ARGUMENT_PATTERN)] | None = Field(
        default=None,
        description="Name of the model in the OpenAI API, e.g. qwen3-32b; no '$' and no leading hyphen. When left out it "
        "is metadata.name.",
    )


class SecretKey(ApiModel):
    """A value in a Secret of the same namespace. The kubelet reads it; the operator never does."""

    secret_name: ObjectName = Field(description="Name of the Secret, e.g. api-key-chat.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="api-key", description="Key in the Secret, e.g. api-key."
    )


class Parallelism(ApiModel):
    """How one replica is split over devices; a factor that is left out is 1."""

    tensor: int = Field(default=1, ge=1, le=1024, description="Tensor-parallel ranks, e.g. 8.")
    pipeline: int = Field(default=1, ge=1, le=64, description="Pipeline stages; on several nodes usually one a node, e.g. 2.")
    data: int = Field(default=1, ge=1, le=1024, description="Data-parallel ranks inside the replica, e.g. 2.")
    expert: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Expert-parallel ranks of a mixture-of-experts model: 1 for none, else tensor times data, e.g. 16.",
    )


class PoolCandidate(ApiModel):
    """One pool that the deployment may run on, with what differs there."""

    name: ObjectName = Field(description="Name of an AcceleratorPool, e.g. ascend-a.")
    quantization: Quantization | None = Field(
        default=None, description="Format of the weights on this pool, e.g. FP8. When left out it is spec.quantization."
    )
    source: SourceText | None = Field(
        default=None,
        description="Where this pool's weights are, e.g. pvc://weights/qwen2.5-72b-fp8. When left out it is spec.model.source.",
    )
    engine: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = Field(
        default=None,
        description="Inference engine: vLLM, vLLM-Ascend, SGLang, MindIE, TEI, llama.cpp or the name of an EngineProfile. "
        "When left out it follows from pool and model.",
    )
    parallelism: Parallelism | None = Field(
        default=None,
        description="How a replica is split over devices on this pool. The planner chooses it when it is left out.",
    )


class ScheduleWindow(ApiModel):
    """A recurring window with a floor of replicas, ready when it starts."""

    name: ObjectName = Field(description="Name of the window, e.g. office-hours.")
    start: Annotated[str, StringConstraints(min_length=9, max_length=128)] = Field(
        description="Cron expression of the time at which the floor must be ready, e.g. '30 8 * * 1-5'."
    )
    end: Annotated[str, StringConstraints(min_length=9, max_length=128)] = Field(
        description="Cron expression of the time at which the floor ends, e.g. '0 18 * * 1-5'."
    )
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="IANA time zone of both expressions, e.g. Asia/Shanghai."
    )
    min_replicas: int = Field(ge=0, le=1000, description="Replicas that must be ready while the window is open, e.g. 3.")
    lead_seconds: int | None = Field(
        default=None,
        ge=0,
        le=86400,
        description="Seconds before start at which replicas are started, e.g. 900. When left out it follows from the "
        "start-up times measured.",
    )


class Scaling(ApiModel):
    """Bounds between which the operator decides the number of replicas."""

    model_config = ApiModel.model_config | {
        "json_schema_extra": rules(
            rule(
                "self.minReplicas <= self.maxReplicas",
                "'minReplicas %d is above maxReplicas %d'.format([self.minReplicas, self.maxReplicas])",
                message="minReplicas is above maxReplicas",
                field_path=".minReplicas",
            ),
            rule(
                "!has(self.schedule) || self.schedule.all(w, w.minReplicas <= self.maxReplicas)",
                "'a schedule window asks for more than maxReplicas %d: %s'.format([self.maxReplicas, "
                "self.schedule.filter(w, w.minReplicas > self.maxReplicas).map(w, w.name)])",
                message="a schedule window asks for more than maxReplicas",
                field_path=".schedule",
            ),
        )
    }

    min_replicas: int = Field(
        default=1,
        ge=0,
        le=1000,
        description="Fewest replicas, e.g. 1. At 0 a schedule window or a gateway metric must wake the deployment.",
    )
    max_replicas: int = Field(ge=1, le=1000, description="Most replicas, e.g. 6.")
    schedule: Annotated[list[ScheduleWindow], Field(max_length=32)] = Field(
        default_factory=list,
        description="Floors by time of day; the highest open window counts.",
        json_schema_extra=keyed_list("name"),
    )


class ServiceLevelObjective(ApiModel):
    """Latency bounds that a percentage of the requests must keep."""

    model_config = ApiModel.model_config | {
        "json_schema_extra": rules(
            rule(
                "has(self.ttftMilliseconds) || has(self.tpotMilliseconds) || has(self.e2eMilliseconds)",
                "'slo with percentile %d has no bound: set ttftMilliseconds, tpotMilliseconds or e2eMilliseconds'"
                ".format([self.percentile])",
                message="slo needs at least one bound",
                reason="FieldValueRequired",
            )
        )
    }

    ttft_milliseconds: int | None = Field(
        default=None, ge=1, le=3_600_000, description="Time to the first token, in milliseconds, e.g. 1500."
    )
    tpot_milliseconds: int | None = Field(
        default=None, ge=1, le=3_600_000, description="Time per output token after the first, in milliseconds, e.g. 60."
    )
    e2e_milliseconds: int | None = Field(
        default=None,
        alias="e2eMilliseconds",  # the generator of aliases writes e2EMilliseconds
        ge=1,
        le=86_400_000,
        description="Time of the whole request, in milliseconds, e.g. 200; for embedding models and rerankers.",
    )
    percentile: int = Field(
        default=95,
        ge=1,
        le=100,
        description="Percentage of the requests that must be at or under every bound, e.g. 95.",
    )


class ModelDeploymentSpec(ApiModel):
    """What the user wants."""

    model_config = ApiModel.model_config | {
        "json_schema_extra": rules(
            rule(
                "!has(self.scaling) || self.replicas == 1",
                "'replicas %d beside scaling: leave replicas out, scaling decides between %d and %d'"
                ".format([self.replicas, self.scaling.minReplicas, self.scaling.maxReplicas])",
                message="replicas other than 1 beside scaling",
                field_path=".replicas",
            )
        )
    }

    model: ModelReference = Field(description="Which model, and where its weights are.")
    quantization: Quantization = Field(
        description="Format of the weights at source, e.g. W8A8: a fact about the files, never converted. W8A8 is INT8 by "
        "ModelSlim on Ascend and by compressed-tensors on NVIDIA; INT4 is compressed-tensors with groups of 32."
    )
    pools: Annotated[list[PoolCandidate], Field(min_length=1, max_length=16)] = Field(
        description="Pools that the deployment may run on, in order of preference.",
        json_schema_extra=keyed_list("name"),
    )
    max_model_len: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="Tokens of context that one request may use, prompt and answer together, e.g. 16384. When left out "
        "it is the catalogue's serving default of the model.",
    )
    unlisted: UnlistedPolicy = Field(
        default=UnlistedPolicy.REFUSE,
        description="What to do when the engine publishes a list of supported models and this one is not on it: Refuse or "
        "Allow.",
    )
    replicas: int = Field(
        default=1,
        ge=0,
        le=1000,
        description="Fixed number of replicas, e.g. 2; kubectl scale and any autoscaler write it. Means nothing when "
        "scaling is set.",
    )
    scaling: Scaling | None = Field(
        default=None, description="Lets the operator decide the number of replicas; excludes replicas."
    )
    slo: ServiceLevelObjective | None = Field(
        default=None, description="Latency that the deployment must keep; what scaling works for."
    )
    priority: Priority = Field(
        default=Priority.P2,
        description="Which deployments lose replicas when devices are short: P0 (customers, trading) loses none to others, "
        "P3 (batch) is the first.",
    )
    placement: PlacementPolicy = Field(
        default=PlacementPolicy.ORDERED,
        description="How replicas choose among the pools: Ordered (as listed), Cheapest (price per replica) or Spread "
        "(evenly over sites).",
    )
    suspend: bool = Field(default=False, description="True scales to zero and keeps the object, e.g. for maintenance.")
    api_key: SecretKey | None = Field(
        default=None,
        description="API key that clients of the engine must send as a bearer token. A changed Secret reaches a replica when "
        "it is started anew. When left out the engine asks for none.",
    )
    tenant: LabelValue | None = Field(
        default=None, description="Business line for quota, cost and dashboards, e.g. remote-banking."
    )
    cost_center: LabelValue | None = Field(default=None, description="Cost centre that pays, e.g. '8800'.")


class PlacementStatus(ApiModel):
    """Replicas of one deployment on one pool."""

    pool: str = Field(description="Name of the AcceleratorPool.", max_length=63)
    quantization: str = Field(description="Format of the weights there, e.g. W8A8.", max_length=16)
    engine: str = Field(description="Inference engine there, e.g. vLLM-Ascend.", max_length=63)
    image: str = Field(description="Container image of the engine.", max_length=512)
    devices_per_replica: int = Field(description="Devices that one replica uses.", ge=1)
    nodes_per_replica: int = Field(description="Nodes that one replica uses.", ge=1)
    parallelism: Parallelism = Field(description="How a replica is split over its devices.")
    desired: int = Field(description="Replicas that belong on the pool, ready or not.", ge=0)
    ready: int = Field(description="Replicas that serve there.", ge=0)


class CandidateStatus(ApiModel):
    """Verdict on one pool of the spec."""

    pool: str = Field(description="Name of the pool in spec.pools.", max_length=63)
    quantization: str = Field(description="Format of the weights that was judged.", max_length=16)
    engine: str = Field(description="Inference engine that was judged.", max_length=63)
    verdict: str = Field(
        description="Fits, NoCapacity (would fit, devices are short), Impossible or Unlisted.",
        json_schema_extra={"enum": ["Fits", "NoCapacity", "Impossible", "Unlisted"]},
    )
    reason: str = Field(description="One word from the enumeration of reasons.", max_length=63)
    message: str = Field(description="What, why, and what to change.", max_length=1024)


class DisplacementStatus(ApiModel):
    """A deployment of a higher priority that has devices which replicas gave way to."""

    namespace: str = Field(description="Namespace of the deployment that has the devices.", max_length=63)
    name: str = Field(description="Name of the deployment that has the devices.", max_length=63)
    replicas: int = Field(description="Replicas that gave way to it and are missing now.", ge=1)


class SLOStatus(ApiModel):
    """Measured latency."""

    attainment_percent: str | None = Field(
        default=None,
        description="Percentage of requests within the SLO, as a decimal string, e.g. '98.4': a lower bound when two "
        "bounds are measured by two histograms.",
        max_length=16,
    )
    ttft_milliseconds: int | None = Field(
        default=None, description="Measured time to the first token at the SLO's percentile, in milliseconds."
    )
    tpot_milliseconds: int | None = Field(
        default=None, description="Measured time per output token at the SLO's percentile, in milliseconds."
    )
    observed_seconds: int | None = Field(default=None, description="Length of the measured window, in seconds.")


class ScalingRecord(ApiModel):
    """One change of the number of replicas."""

    time: str = Field(description="When the number was changed.", json_schema_extra={"format": "date-time"})
    from_: int = Field(alias="from", description="Replicas before.", ge=0)
    to: int = Field(description="Replicas after.", ge=0)
    reason: str = Field(description="One word from the enumeration of reasons.", max_length=63)
    message: str = Field(description="The figures behind it.", max_length=1024)


class Condition(ApiModel):
    """A condition as in the Kubernetes API conventions."""

    type: str = Field(description="One word from the table of conditions.", max_length=63)
    status: str = Field(description="True, False or Unknown.", json_schema_extra={"enum": ["True", "False", "Unknown"]})
    reason: str = Field(description="One word from the enumeration of reasons.", max_length=63)
    message: str = Field(description="What, why, and what to change.", max_length=4096)
    last_transition_time: str = Field(description="When the status changed last.", json_schema_extra={"format": "date-time"})
    observed_generation: int = Field(description="Generation of the object that the condition describes.", ge=0)


class ModelDeploymentStatus(ApiModel):
    """The observed state."""

    replicas: int | None = Field(default=None, description="Replicas that exist, starting and draining ones too.", ge=0)
    ready_replicas: int | None = Field(default=None, description="Replicas that serve.", ge=0)
    desired_replicas: int | None = Field(default=None, description="Replicas that the deployment should have now.", ge=0)
    selector: str | None = Field(
        default=None, description="Label selector of exactly one pod a replica; for autoscalers.", max_length=512
    )
    model: str | None = Field(default=None, description="Canonical id of the model.", max_length=128)
    placements: Annotated[list[PlacementStatus], Field(max_length=32)] = Field(
        default_factory=list, description="Where the replicas are.", json_schema_extra=ATOMIC_LIST
    )
    placement_summary: str | None = Field(
        default=None, description="The placements in one line, e.g. ascend-a/W8A8:2.", max_length=2048
    )
    candidates: Annotated[list[CandidateStatus], Field(max_length=16)] = Field(
        default_factory=list, description="Verdict on every pool of the spec.", json_schema_extra=ATOMIC_LIST
    )
    displaced_by: Annotated[list[DisplacementStatus], Field(max_length=16)] = Field(
        default_factory=list,
        description="Deployments of a higher priority that have the devices of missing replicas; absent when none has.",
        json_schema_extra=keyed_list("namespace", "name"),
    )
    endpoint: str | None = Field(
        default=None, description="Base URL of the OpenAI API inside the cluster, with /v1.", max_length=512
    )
    slo: SLOStatus | None = Field(default=None, description="Measured latency against the SLO.")
    cost_per_hour: str | None = Field(
        default=None, description="Price of the devices held, per hour, e.g. '108.80 CNY'.", max_length=128
    )
    scaling_history: Annotated[list[ScalingRecord], Field(max_length=5)] = Field(
        default_factory=list, description="The last changes of the number of replicas.", json_schema_extra=ATOMIC_LIST
    )
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description=f"State in the form that tools understand: {', '.join(condition_types(MODEL_DEPLOYMENTS))}.",
        json_schema_extra=keyed_list("type"),
    )
    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status describes.", ge=0
    )


NAME_RULES = rules(
    rule(
        f"self.metadata.name.size() <= {NAME_MAX_LENGTH}",
        "'metadata.name %s has %d characters, more than "
        f"{NAME_MAX_LENGTH}'.format([self.metadata.name, self.metadata.name.size()])",
        message=f"metadata.name has more than {NAME_MAX_LENGTH} characters",
    ),
    rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "'metadata.name %s must begin with a letter and hold only a-z, 0-9 and -: it names a Service'"
        ".format([self.metadata.name])",
        message="metadata.name must begin with a letter and hold only a-z, 0-9 and -",
    ),
)

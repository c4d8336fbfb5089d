"""Types of the catalogue's entries. Each entry is one YAML file that these types check."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field

from modelmatrix.api.base import ApiModel
from modelmatrix.api.model_deployment import Quantization
from modelmatrix.api.profiles import ModelProfileSpec, Task

STRICT = ConfigDict(**ApiModel.model_config | {"extra": "forbid"})  # a typo in our own data is an error


class Vendor(StrEnum):
    """Makers of accelerators."""

    NVIDIA = "nvidia"
    HUAWEI = "huawei"


class Teraflops(ApiModel):
    """Dense peak compute by number format, in 10^12 operations per second; 0 where it is not native."""

    model_config = STRICT
    bf16: float = 0
    fp16: float = 0
    fp8: float = 0
    int8: float = 0
    fp4: float = 0


class DriverMount(ApiModel):
    """A path of the node that a pod needs where no device runtime mounts the driver; some only in groups of nodes."""

    model_config = STRICT
    path: str
    multi_node: bool = False


class Accelerator(ApiModel):
    """One kind of schedulable device.

    ``usable_gibibytes`` is what the framework sees, which is less than the nominal memory. ``device_counts`` are the
    counts that one pod may ask for. ``labels`` are the vendor's own node labels with the values that this chip has;
    ``memory_label`` is the one that gives the chip's memory.
    ``evidence`` grades the ``sources``: s for the vendor's or measured several times, w for weak or secondary.
    """

    model_config = STRICT
    id: str
    vendor: Vendor
    family: str
    product: str
    unit: str
    memory_mebibytes: int
    usable_gibibytes: float
    bandwidth_gigabytes_per_second: float = 0
    teraflops: Teraflops = Teraflops()
    compute_capability: int = 0
    devices_per_node: int
    device_counts: tuple[int, ...]
    labels: dict[str, tuple[str, ...]]
    memory_label: str
    resources: tuple[str, ...]
    architecture: str
    driver_mounts: tuple[DriverMount, ...] = ()
    link: str = ""
    evidence: str
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Model(ModelProfileSpec):
    """A model of the catalogue: a profile with a canonical id."""

    model_config = STRICT
    id: str
    notes: tuple[str, ...] = ()


class Format(ApiModel):
    """Size of weights in one quantization, in bytes per parameter.

    ``experts`` counts for routed experts, ``linear`` for the other linear layers. Embeddings, output layer, norms, router
    and vision tower stay 16 bit. ``block`` is the edge of scaling blocks that a tensor-parallel shard must not cut.
    """

    model_config = STRICT
    experts: float
    linear: float
    block: int = 0
    source: str


class SupportEntry(ApiModel):
    """One cell of the truth table: weights of one quantization on one family of accelerators.

    ``engines`` maps the engines that run it to a note. ``unlisted`` names engines whose documents are silent.
    When no engine runs it, ``why`` says so and ``instead`` names what to use.
    """

    model_config = STRICT
    engines: dict[str, str] = Field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    why: str = ""
    instead: str = ""


class Compatibility(ApiModel):
    """The truth table: quantization, then family, then cell."""

    model_config = STRICT
    sources: tuple[str, ...]
    formats: dict[Quantization, Format]
    support: dict[Quantization, dict[str, SupportEntry]]


class RenderCondition(ApiModel):
    """A condition on what is rendered: every named variable must have one of the values."""

    model_config = ConfigDict(**ApiModel.model_config | {"extra": "allow"})

    def holds(self, variables: dict[str, str]) -> bool:
        """Whether the condition holds; an empty one does."""
        wanted = self.model_extra
        return not wanted or all(variables.get(name, "") in values for name, values in wanted.items())


class Argument(ApiModel):
    """Command-line arguments, with ``{variables}``, that are given when the condition holds.

    ``since`` is the first version of the engine that knows them: an older image is not given them. ``words`` says that a
    variable's words are arguments of their own.
    """

    model_config = STRICT
    args: tuple[str, ...]
    when: RenderCondition = RenderCondition()
    since: str = ""
    words: bool = False


class EnvVar(ApiModel):
    """An environment variable: a literal with ``{variables}``, or a field of the pod."""

    model_config = STRICT
    name: str
    value: str = ""
    field: str = ""
    when: RenderCondition = RenderCondition()


class Configuration(ApiModel):
    """A configuration file of the engine: its path in the container and its content, with ``{variables}`` in strings."""

    model_config = STRICT
    path: str
    content: dict[str, Any]


class EngineImageRule(ApiModel):
    """Image for families of accelerators."""

    model_config = STRICT
    families: tuple[str, ...]
    image: str


class Probe(ApiModel):
    """An HTTP probe of the engine."""

    model_config = STRICT
    path: str
    port: int
    scheme: str = "HTTP"


class Drain(ApiModel):
    """How the engine ends: how long requests in flight may take after SIGTERM."""

    model_config = STRICT
    seconds: int
    source: str


class Memory(ApiModel):
    """How the engine uses device memory.

    ``utilization`` is the share of usable memory that it may fill. Overheads are GiB per device: ``base`` always,
    ``experts`` for mixture-of-experts models, ``collective`` when a replica has several devices. ``key_value_bits`` are
    those of an entry of the key-value cache.
    """

    model_config = STRICT
    utilization: float
    base_gibibytes: float
    experts_gibibytes: float = 0
    collective_gibibytes: float = 0
    key_value_bits: int = 16
    source: str


class Architectures(ApiModel):
    """Model architectures that the engine's documents list, by accelerator family where they differ."""

    model_config = STRICT
    any: bool = False
    listed: tuple[str, ...] = ()
    families: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    source: str

    def lists(self, architecture: str, family: str) -> bool:
        """Whether the engine's documents list the architecture on the family."""
        return self.any or architecture in self.families.get(family, self.listed)


class Architecture(ApiModel):
    """What the class of a model says beyond its config.json.

    ``biased``: query, key and value have biases. ``output_gate``: attention has a gate as wide as its queries.
    ``shared_gate``: the shared expert has a gate. ``vision_gated``: the vision tower's feed-forward has three matrices.
    """

    model_config = STRICT
    task: Task = Task.GENERATE
    encoder: bool = False
    biased: bool = False
    output_gate: bool = False
    shared_gate: bool = False
    vision_gated: bool = False
    fp8_block: int = 0


class ArchitectureRules(ApiModel):
    """How config.json files are read: where the part for text is, and the names that a field has, the first found counts."""

    model_config = STRICT
    sources: tuple[str, ...]
    text: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    vision_names: dict[str, tuple[str, ...]] = Field(alias="vision_names")
    native_types: tuple[str, ...] = Field(alias="native_types")
    bias_flags: tuple[str, ...] = Field(alias="bias_flags")
    architectures: dict[str, Architecture]


class Histograms(ApiModel):
    """Upper bounds of the latency histograms that every engine is given, in seconds."""

    model_config = STRICT
    time_to_first_token: tuple[float, ...]
    inter_token_latency: tuple[float, ...]
    request_latency: tuple[float, ...]


class MetricType(StrEnum):
    """Kinds of metrics."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Signal(StrEnum):
    """What the operator wants to know of an engine. ``STEP`` is the time of one decode step, lengths are in tokens."""

    RUNNING = "running"
    WAITING = "waiting"
    KV_USAGE = "kv_usage"
    HIT_RATIO = "hit_ratio"
    RECEIVED = "received"
    FINISHED = "finished"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    CACHED_TOKENS = "cached_tokens"
    TTFT = "ttft"
    TPOT = "tpot"
    E2E = "e2e"
    STEP = "step"
    INPUT_LENGTH = "input_length"
    OUTPUT_LENGTH = "output_length"

    @property
    def instrument(self) -> MetricType:
        """The kind of metric that it is read from."""
        if self in (Signal.RUNNING, Signal.WAITING, Signal.KV_USAGE, Signal.HIT_RATIO):
            return MetricType.GAUGE
        counters = (Signal.RECEIVED, Signal.FINISHED, Signal.INPUT_TOKENS, Signal.OUTPUT_TOKENS, Signal.CACHED_TOKENS)
        return MetricType.COUNTER if self in counters else MetricType.HISTOGRAM


class MetricDialect(ApiModel):
    """How an engine names its metrics; the first name of a signal is the newest.

    ``buckets`` is ``given`` when the engine takes our histogram bounds, from version ``given_since`` on, else ``fixed``. The
    engine's own ``bounds`` are in seconds.
    ``copies`` are labels that tell apart copies of one number, such as those of tensor-parallel ranks. The series of the
    signals ``when_used`` appear with the first request: until then their absence is a zero. A page that is
    ``empty_until_used`` has nothing at all before.
    """

    model_config = STRICT
    name: str
    buckets: Literal["given", "fixed"]
    given_since: str = ""
    bounds: dict[Signal, tuple[float, ...]] = Field(default_factory=dict)
    metrics: dict[Signal, tuple[str, ...]]
    copies: tuple[str, ...] = ()
    when_used: tuple[Signal, ...] = ()
    empty_until_used: bool = False
    sources: tuple[str, ...]


class Engine(ApiModel):
    """An inference engine: where it runs, what it serves and how it is started.

    ``base`` is the built-in engine that a bank's own one derives from; empty for built-in ones. The lowest ``rank`` is
    preferred. ``schemes`` are the stores that it can take weights from.
    """

    model_config = STRICT
    name: str
    base: str = ""
    vendors: tuple[Vendor, ...]
    rank: int
    dialect: str
    images: tuple[EngineImageRule, ...]
    command: tuple[str, ...]
    arguments: tuple[Argument, ...]
    configuration: Configuration | None = None
    environment: tuple[EnvVar, ...] = ()
    port: int
    metrics_port: int
    metrics_path: str = "/metrics"
    probe: Probe
    drain: Drain
    memory: Memory
    architectures: Architectures
    tasks: tuple[str, ...] = ("Generate",)
    multi_node: bool = False
    pipelines: bool = True
    schemes: tuple[str, ...]
    shared_memory_gibibytes: int = 16
    sources: tuple[str, ...]

    @property
    def built_in(self) -> bool:
        """Whether the engine may be chosen without being named: a bank's own engines are not."""
        return not self.base

    @property
    def kind(self) -> str:
        """The built-in engine that it is or derives from: the name in the truth table."""
        return self.base or self.name

    def image_for(self, accelerator: Accelerator) -> str | None:
        """The image for the accelerator, or else for its family; ``None`` when no image is published for it."""
        wanted = (accelerator.id, accelerator.family)
        return next((rule.image for name in wanted for rule in self.images if name in rule.families), None)

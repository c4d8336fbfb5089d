"""Inference engines as data: where they run, what they serve and how they are started."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from modelmatrix.api.profiles import Task
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.entry import CatalogueEntry, Sources


class RenderCondition(CatalogueEntry):
    """When an argument or a variable is rendered: every named template variable has one of the listed values.

    Conditions are written by the names of ``template_variables.VARIABLES``, e.g. ``{vendor: [huawei], multi_node: ["true"]}``.
    An empty condition always holds.
    """

    model_config = ConfigDict(extra="allow")

    @property
    def accepted(self) -> dict[str, list[str]]:
        """Accepted values by template variable."""
        return self.model_extra or {}

    def holds(self, variables: dict[str, str]) -> bool:
        """Whether the condition holds for these values of the template variables."""
        accepted = self.model_extra
        return not accepted or all(variables.get(name, "") in values for name, values in accepted.items())


class Argument(CatalogueEntry):
    """Words of the command line that are rendered together.

    Attributes:
        args: The words, with ``{variables}``; braces that are meant literally are doubled.
        when: The condition for rendering them.
        since: First engine version that knows them, e.g. ``0.18``: older images are started without. Empty for all.
        words: Whether a variable in them is split at blanks into words of their own.
    """

    args: tuple[str, ...]
    when: RenderCondition = RenderCondition()
    since: str = ""
    words: bool = False

    @property
    def key(self) -> str:
        """The words as a line: the name by which an engine that extends this one refers to the argument."""
        return " ".join(self.args)


class EnvVar(CatalogueEntry):
    """An environment variable of the engine's container.

    Attributes:
        name: Its name.
        value: A literal with ``{variables}``.
        field: A field of the pod instead of a value, e.g. ``status.podIP``.
        when: The condition for setting it.
    """

    name: str
    value: str = ""
    field: str = ""
    when: RenderCondition = RenderCondition()

    @property
    def key(self) -> str:
        """The name by which an engine that extends this one refers to the variable."""
        return self.name


class ApiKey(CatalogueEntry):
    """How the engine takes the API key that clients must send.

    Attributes:
        variable: The environment variable that gets the key. The engine reads it, or an argument names it as ``$(NAME)``.
        guards_metrics: Whether the metrics page asks for the key too: then Prometheus, which has none, measures nothing.
        guards_probe: Whether the health page asks for the key too: then probes open a connection and ask nothing.
        source: Where the engine documents or implements it.
    """

    variable: str
    guards_metrics: bool = False
    guards_probe: bool = False
    source: str


class Configuration(CatalogueEntry):
    """A configuration file that the engine reads.

    Attributes:
        path: Its path in the container.
        content: Its content as a tree that is written as JSON. A string ``{variable}`` becomes the variable's value.
    """

    path: str
    content: dict[str, Any]


class EngineImageRule(CatalogueEntry):
    """The image for some hardware.

    Attributes:
        families: Ids of families, or of single accelerators, which win over their family.
        image: Repository and tag. The version in the tag decides which arguments are rendered (``Argument.since``).
    """

    families: tuple[str, ...]
    image: str


class Probe(CatalogueEntry):
    """The HTTP request that succeeds when the engine can serve."""

    path: str
    port: int
    scheme: str = "HTTP"


class Drain(CatalogueEntry):
    """How long requests in flight may take after SIGTERM.

    Attributes:
        seconds: The time, to which the pod's grace period is added.
        source: Where the engine documents what it does on SIGTERM.
    """

    seconds: int
    source: str


class Memory(CatalogueEntry):
    """How the engine uses device memory.

    Attributes:
        utilization: Share of usable memory that the engine may fill, from 0 to 1; it is passed to the engine.
        base_gibibytes: GiB a device that is neither weights nor cache, always.
        experts_gibibytes: GiB a device more for mixture-of-experts models.
        collective_gibibytes: GiB a device more when a replica has several devices: buffers of collectives.
        key_value_bits: Bits of one number of the key-value cache.
        source: The measurement or document behind the figures. The engine's log prints the memory left for the cache:
            compare that with the closed form.
    """

    utilization: float
    base_gibibytes: float
    experts_gibibytes: float = 0
    collective_gibibytes: float = 0
    key_value_bits: int = 16
    source: str


class Architectures(CatalogueEntry):
    """Model architectures that the engine's documents list.

    Attributes:
        any: Whether every architecture is served.
        listed: Names of classes as in a config.json, e.g. ``Qwen3ForCausalLM``.
        families: The list for a family where it differs.
        source: The documents.
    """

    any: bool = False
    listed: tuple[str, ...] = ()
    families: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    source: str

    def lists(self, architecture: str, family: str) -> bool:
        """Whether the engine's documents list the architecture on the family."""
        return self.any or architecture in self.families.get(family, self.listed)


class Engine(CatalogueEntry):
    """An inference engine. Its file may name another engine in ``extends`` and give only what differs.

    Attributes:
        name: What users write in ``engine``, and the name in the families' support entries.
        base: The built-in engine that a bank's EngineProfile derives from; empty for built-in engines.
        vendors: Ids of the vendors whose accelerators it runs on.
        rank: The order of preference among the engines of a vendor: the lowest comes first.
        dialect: Name of the metric dialect that it speaks.
        images: Images by hardware; hardware without one needs an image of the pool's or of an EngineProfile.
        command: The container's command, before the arguments.
        arguments: Its arguments, in order.
        configuration: The file that it reads instead of arguments, if any.
        environment: Its environment variables, in order.
        api_key: How it takes an API key; ``None`` when it checks none.
        port: The port of the OpenAI-compatible API.
        metrics_port: The port of the Prometheus page.
        metrics_path: The path of the Prometheus page.
        probe: The request that answers when it can serve.
        drain: How it ends.
        memory: How it uses device memory.
        architectures: Which model classes it serves.
        tasks: What it can be used for.
        multi_node: Whether a replica can span nodes.
        pipelines: Whether a replica can be cut into pipeline stages.
        schemes: Stores that it takes weights from.
        shared_memory_gibibytes: Size of /dev/shm in GiB, which collectives use.
        sources: The documents or source files that say so.
    """

    name: str
    base: str = ""
    vendors: tuple[str, ...]
    rank: int
    dialect: str
    images: tuple[EngineImageRule, ...]
    command: tuple[str, ...]
    arguments: tuple[Argument, ...]
    configuration: Configuration | None = None
    environment: tuple[EnvVar, ...] = ()
    api_key: ApiKey | None = None
    port: int
    metrics_port: int
    metrics_path: str = "/metrics"
    probe: Probe
    drain: Drain
    memory: Memory
    architectures: Architectures
    tasks: tuple[Task, ...] = (Task.GENERATE,)
    multi_node: bool = False
    pipelines: bool = True
    schemes: tuple[Scheme, ...]
    shared_memory_gibibytes: int = 16
    sources: Sources

    @property
    def built_in(self) -> bool:
        """Whether the engine may be chosen without being named; a bank's own engines may not."""
        return not self.base

    @property
    def kind(self) -> str:
        """The name in the families' support entries: of the built-in engine that it is or derives from."""
        return self.base or self.name

    def image_for(self, accelerator: Accelerator) -> str | None:
        """The image for the accelerator, or else for its family; ``None`` when no image is published for it."""
        names = (accelerator.id, accelerator.family)
        return next((rule.image for name in names for rule in self.images if name in rule.families), None)

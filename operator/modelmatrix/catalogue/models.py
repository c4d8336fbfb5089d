"""Models, and how their config.json files are read."""

from __future__ import annotations

from pydantic import Field

from modelmatrix.api.profiles import ModelProfileSpec, Task
from modelmatrix.catalogue.entry import CatalogueEntry, Sources


class Model(ModelProfileSpec, CatalogueEntry):
    """A built-in model: the fields of a ModelProfile, a canonical id, and notes for readers.

    ``kubectl matrix profile config.json`` writes the fields of the profile.
    """

    id: str
    notes: tuple[str, ...] = ()


class Architecture(CatalogueEntry):
    """What the class of a model implies beyond its config.json.

    Attributes:
        task: What the class is used for.
        encoder: Whether it is an encoder in the manner of BERT: no key-value cache, biases everywhere.
        biased: Whether query, key and value have biases.
        output_gate: Whether attention has a gate as wide as its queries.
        shared_gate: Whether the shared expert has a gate.
        vision_gated: Whether the vision tower's feed-forward has three matrices.
        fp8_block: Edge of the scaling blocks of the published FP8 weights, in weights; 0 without blocks.
    """

    task: Task = Task.GENERATE
    encoder: bool = False
    biased: bool = False
    output_gate: bool = False
    shared_gate: bool = False
    vision_gated: bool = False
    fp8_block: int = 0


class ArchitectureRules(CatalogueEntry):
    """``data/architectures.yaml``: how config.json files are read.

    Attributes:
        sources: Where the rules come from.
        text: Names of the part of a config.json that describes the language model; without one it is the whole file.
        names: Names in config.json by field; the first one that a file has counts.
        vision_names: The same for the part that describes the vision tower.
        native_types: Values of ``model_type`` that engines serve without the code that the model brings along.
        bias_flags: Names of the flags for biases of query, key and value.
        architectures: Classes of models that can be read, by name.
    """

    sources: Sources
    text: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    vision_names: dict[str, tuple[str, ...]] = Field(alias="vision_names")
    native_types: tuple[str, ...] = Field(alias="native_types")
    bias_flags: tuple[str, ...] = Field(alias="bias_flags")
    architectures: dict[str, Architecture]

"""Formats of weights, and which engines run them on which hardware."""

from __future__ import annotations

from pydantic import Field

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.catalogue.entry import CatalogueEntry, Sources


class Format(CatalogueEntry):
    """Size of weights in one quantization.

    Attributes:
        experts: Bytes per parameter of routed experts.
        linear: Bytes per parameter of the other linear layers. Embeddings, output layer, norms, router and vision tower
            stay at 16 bit.
        block: Edge of the scaling blocks, in weights, which a tensor-parallel shard must not cut; 0 without blocks.
        source: How the sizes follow from the format; compare them with the published safetensors of a model.
    """

    experts: float
    linear: float
    block: int = 0
    source: str


class SupportEntry(CatalogueEntry):
    """One cell of the truth table: weights of one quantization on one family of accelerators.

    Attributes:
        engines: Engines whose documents list the format there, each with a note for readers.
        unlisted: Engines that may run it but whose documents do not say so; a user can allow them.
        why: Why no engine, or not every engine, runs it.
        instead: The format or engine to use instead: messages print it after "use".
    """

    engines: dict[str, str] = Field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    why: str = ""
    instead: str = ""


class Formats(CatalogueEntry):
    """``data/formats.yaml``: the size of every format, and the documents that the truth table follows."""

    sources: Sources
    formats: dict[Quantization, Format]


class Compatibility(CatalogueEntry):
    """The truth table: quantization, then family, then cell; and the size of every format."""

    sources: Sources
    formats: dict[Quantization, Format]
    support: dict[Quantization, dict[str, SupportEntry]]

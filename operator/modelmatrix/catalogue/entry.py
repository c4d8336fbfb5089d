"""The base of every type that is read from a data file of the catalogue."""

from __future__ import annotations

from pydantic import ConfigDict

from modelmatrix.api.base import ApiModel


class CatalogueEntry(ApiModel):
    """A part of a data file: camelCase in the file, immutable in memory, and an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")

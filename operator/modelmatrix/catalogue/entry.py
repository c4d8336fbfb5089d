"""The base of every type that is read from a data file of the catalogue."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from modelmatrix.api.base import ApiModel

# Documents, measurements or recorded pages behind the figures of an entry; an entry without any is refused.
Sources = Annotated[tuple[str, ...], Field(min_length=1)]


class CatalogueEntry(ApiModel):
    """A part of a data file: camelCase in the file, immutable in memory, and an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")

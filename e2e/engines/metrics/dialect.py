"""How engines of one kind write their metrics: a page with names and order, and which of its series the model drives.

Both are data (``dialects/*.yaml``, ``pages/*.prom``): another engine is two more files. No numbers are made here.
"""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

PACKAGE = Path(__file__).parents[1]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueEntry(_Entry):
    """A counter or gauge that the model drives; ``labels`` tell it from others of its name."""

    series: str
    value: str
    labels: dict[str, str] = {}


class HistogramEntry(_Entry):
    """A histogram that the model drives. Histograms of a ``family`` share their bucket bounds."""

    series: str
    observed: str
    family: str


class Substitution(_Entry):
    """Text of the page that is written anew for each engine, e.g. the size of its KV cache."""

    recorded: str
    written: str


class FlagFamily(_Entry):
    """A flag that gives the bounds of one family as numbers after it."""

    flag: str
    family: str


class Dialect(_Entry):
    """A dialect.

    ``recorded_model`` is the served name in the page. Series that begin with ``zero_prefix`` and that the model does not
    drive are shown as zero, unless they are information; all others as recorded. ``buckets_flag`` takes JSON by family.
    ``is_empty_until_used`` is for engines that show nothing before their first request.
    """

    engines: list[str]
    page: str
    recorded_model: str = "model"
    zero_prefix: str = ""
    values: list[ValueEntry] = []
    histograms: list[HistogramEntry] = []
    substitutions: list[Substitution] = []
    buckets_flag: str | None = None
    bucket_flags: list[FlagFamily] = []
    served_name_flag: str | None = None
    length_flag: str | None = None
    is_empty_until_used: bool = False

    @property
    def text(self) -> str:
        """The page as it is stored."""
        return (PACKAGE / "pages" / self.page).read_text(encoding="utf-8")


@functools.cache
def dialects() -> dict[str, Dialect]:
    """All dialects by the engine they are spoken by."""
    found = {}
    for path in sorted((PACKAGE / "dialects").glob("*.yaml")):
        dialect = Dialect.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        found.update(dict.fromkeys(dialect.engines, dialect))
    return found


def dialect_of(engine: str) -> Dialect:
    """The dialect of an engine; engines that nobody described speak vLLM's."""
    return dialects().get(engine) or dialects()["vLLM"]

"""The metrics dialect of an engine: a recorded page with names and order, and the series that the simulation drives.

Both are data (``dialects/*.yaml``, ``pages/*.prom``): another engine is two more files. No values are computed here.
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
    """A counter or gauge that the simulation drives; ``labels`` select one of several series of a name."""

    series: str
    value: str
    labels: dict[str, str] = {}


class HistogramEntry(_Entry):
    """A histogram that the simulation drives. Histograms of a ``family`` share their bucket bounds."""

    series: str
    observed: str
    family: str


class Substitution(_Entry):
    """Text of the page that is replaced for each engine, e.g. the size of its KV cache."""

    recorded: str
    written: str


class FlagFamily(_Entry):
    """A flag whose values are the bounds of one family."""

    flag: str
    family: str


class Dialect(_Entry):
    """A dialect.

    ``recorded_model`` is the served name in the recorded page. Series that begin with ``zero_prefix`` and that the simulation
    does not drive are zero, unless they are information; all others stay as recorded. ``buckets_flag`` takes JSON by family.
    ``is_empty_until_used`` is for engines whose page is empty before their first request.
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
        """The recorded page."""
        return (PACKAGE / "pages" / self.page).read_text(encoding="utf-8")


@functools.cache
def dialects() -> dict[str, Dialect]:
    """All dialects by the engines that use them."""
    by_engine = {}
    for path in sorted((PACKAGE / "dialects").glob("*.yaml")):
        dialect = Dialect.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        by_engine.update(dict.fromkeys(dialect.engines, dialect))
    return by_engine


def dialect_of(engine: str) -> Dialect:
    """The dialect of an engine; vLLM's for engines without a dialect of their own."""
    return dialects().get(engine) or dialects()["vLLM"]

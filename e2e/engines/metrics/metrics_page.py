"""The metrics page of one engine: compiled once from its dialect, and rendered on a scrape if the engine has changed.

Numbers are formatted as by the Prometheus client of Python engines. Rendering never advances the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from engines.metrics.exposition import Line, Role, parse_page
from engines.metrics.metric_values import GAUGES, HISTOGRAMS, VALUES
from modelmatrix.simulation.engine.metrics import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engines.metrics.dialect import Dialect
    from modelmatrix.simulation.engine.replica import Replica


@dataclass(frozen=True, slots=True)
class _Value:
    stem: str
    reading: str

    def render(self, replica: Replica, *, is_broken: bool) -> str:
        value = math.nan if is_broken and self.reading in GAUGES else VALUES[self.reading](replica)
        return f"{self.stem} {_number(value)}"


@dataclass(frozen=True, slots=True)
class _Histogram:
    stems: tuple[str, ...]
    count: str
    total: str
    reading: str

    def render(self, replica: Replica, *, is_broken: bool) -> str:
        histogram = HISTOGRAMS[self.reading](replica)
        running = list(accumulate(histogram.counts))
        lines = [f"{stem} {_number(value)}" for stem, value in zip(self.stems, running, strict=True)]
        total = math.nan if is_broken else histogram.total
        lines += (f"{self.count} {_number(running[-1])}", f"{self.total} {_number(total)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The properties in which pages of one dialect differ."""

    served_name: str
    kv_tokens: int
    created_unix_seconds: float
    bounds: Mapping[str, tuple[float, ...]]


class Page:
    """The page of an engine; ``buckets`` are the bounds that its replica must use."""

    __slots__ = ("_cached", "_parts", "_rendered_state", "buckets", "is_empty_until_used")

    def __init__(self, dialect: Dialect, identity: Identity) -> None:
        text = dialect.text.replace(f'"{dialect.recorded_model}"', f'"{_escape(identity.served_name)}"')
        for substitution in dialect.substitutions:
            written = substitution.written.format(kv_tokens=identity.kv_tokens, kv_blocks=identity.kv_tokens // 128)
            text = text.replace(substitution.recorded, written)
        lines = list(parse_page(text))
        bounds = {**_recorded_bounds(dialect, lines), **identity.bounds}
        self.buckets = Buckets(**{name: bounds[name] for name in Buckets.__slots__ if name in bounds})
        self.is_empty_until_used = dialect.is_empty_until_used
        self._parts = list(_merge(_compile(dialect, lines, bounds, identity)))
        self._rendered_state: tuple[object, ...] = ()
        self._cached = b""

    def render(self, replica: Replica, *, is_broken: bool = False) -> bytes:
        """The present page; with ``is_broken`` its gauges and sums are NaN."""
        state = (id(replica), replica.idle_since_seconds, replica.in_flight, replica.waiting, is_broken)
        if state != self._rendered_state:
            self._cached = self._render(replica, is_broken=is_broken)
            self._rendered_state = state
        return self._cached

    def _render(self, replica: Replica, *, is_broken: bool) -> bytes:
        if self.is_empty_until_used and not replica.telemetry.finished:
            return b""
        parts = (part if isinstance(part, str) else part.render(replica, is_broken=is_broken) for part in self._parts)
        return ("\n".join(parts) + "\n").encode()


def _recorded_bounds(dialect: Dialect, lines: list[Line]) -> dict[str, tuple[float, ...]]:
    families = {entry.series: entry.family for entry in dialect.histograms}
    bounds: dict[str, tuple[float, ...]] = {}
    for line in lines:
        bound = dict(line.labels).get("le")
        if line.role is Role.BUCKET and bound != "+Inf" and line.base in families:
            family = families[line.base]
            if float(bound or 0) not in bounds.get(family, ()):
                bounds[family] = (*bounds.get(family, ()), float(bound or 0))
    return bounds


def _compile(
    dialect: Dialect, lines: list[Line], bounds: Mapping[str, tuple[float, ...]], identity: Identity
) -> Iterator[str | _Value | _Histogram]:
    histograms = {entry.series: entry for entry in dialect.histograms}
    done: set[object] = set()
    for line in lines:
        entry = histograms.get(line.base) if line.role not in {Role.TEXT, Role.VALUE} else None
        if entry is None:
            yield _plain(dialect, line, identity)
        elif (line.base, line.series) not in done:
            done.add((line.base, line.series))
            yield _histogram(line, entry.observed, bounds[entry.family])


def _plain(dialect: Dialect, line: Line, identity: Identity) -> str | _Value:
    """A line outside histograms: text, a driven value, a creation time, zero, or the recorded line."""
    if line.role is Role.TEXT:
        return line.text
    labels = dict(line.labels)
    for entry in dialect.values:
        if entry.series == line.name and entry.labels.items() <= labels.items():
            return _Value(line.stem, entry.value)
    if line.name.endswith("_created") or line.name == "process_start_time_seconds":
        return f"{line.stem} {_number(identity.created_unix_seconds)}"
    if dialect.zero_prefix and line.name.startswith(dialect.zero_prefix):
        return f"{line.stem} 0.0"
    return line.text


def _histogram(line: Line, observed: str, bounds: tuple[float, ...]) -> _Histogram:
    le = dict(line.labels)["le"]
    stems = tuple(line.stem.replace(f'le="{le}"', f'le="{_number(bound)}"') for bound in (*bounds, math.inf))
    rest = ",".join(f'{name}="{value}"' for name, value in line.series)
    labels = f"{{{rest}}}" if rest else ""
    return _Histogram(stems, f"{line.base}_count{labels}", f"{line.base}_sum{labels}", observed)


def _merge(parts: Iterator[str | _Value | _Histogram]) -> Iterator[str | _Value | _Histogram]:
    """Join adjacent constant lines, so that rendering handles only the values that change."""
    fixed: list[str] = []
    for part in parts:
        if isinstance(part, str):
            fixed.append(part)
            continue
        if fixed:
            yield "\n".join(fixed)
            fixed = []
        yield part
    if fixed:
        yield "\n".join(fixed)


def _number(value: float) -> str:
    """A number as the Prometheus client of Python engines writes it."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # it has no types


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

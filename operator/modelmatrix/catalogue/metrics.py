"""The signals that the operator reads from engines, and the names that engines give to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from modelmatrix.catalogue.entry import CatalogueEntry, Sources


class Histograms(CatalogueEntry):
    """Upper bounds of the latency histograms that engines are configured with, in seconds, ascending.

    The names of the fields are vLLM's names for the three histograms.
    """

    time_to_first_token: tuple[float, ...]
    inter_token_latency: tuple[float, ...]
    request_latency: tuple[float, ...]


class MetricType(StrEnum):
    """Prometheus metric types."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Signal(StrEnum):
    """What the operator reads from an engine.

    Units: requests (``RUNNING``, ``WAITING``, ``RECEIVED``, ``FINISHED``), shares from 0 to 1 (``KV_USAGE``, ``HIT_RATIO``),
    tokens (``*_TOKENS`` in total, ``*_LENGTH`` of one request), seconds (``TTFT``, ``TPOT``, ``E2E``, and ``STEP`` for one
    decode step).
    """

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
        """The type of metric that the signal is read from."""
        if self in (Signal.RUNNING, Signal.WAITING, Signal.KV_USAGE, Signal.HIT_RATIO):
            return MetricType.GAUGE
        counters = (Signal.RECEIVED, Signal.FINISHED, Signal.INPUT_TOKENS, Signal.OUTPUT_TOKENS, Signal.CACHED_TOKENS)
        return MetricType.COUNTER if self in counters else MetricType.HISTOGRAM


class MetricDialect(CatalogueEntry):
    """How an engine names its metrics.

    Attributes:
        name: The word by which engines refer to the dialect.
        buckets: ``given`` when the engine accepts our histogram bounds, ``fixed`` when it has its own.
        given_since: The first engine version that accepts our bounds, e.g. ``0.32``; empty when all do.
        bounds: The engine's own bounds of a histogram in seconds, for versions that do not accept ours.
        metrics: Metric names by signal, the newest first: older images are read by the later ones.
        labels: Labels by which the engine splits a signal: series that are apart in these add up. Series that are apart in any
            other label, such as the ranks of tensor parallelism or a second scrape, are copies, and one counts.
        when_used: Signals whose series appear with the first request: until then a missing series is a zero.
        empty_until_used: Whether the whole page is empty before the first request.
        sources: A recorded page, or the engine's source file.
    """

    name: str
    buckets: Literal["given", "fixed"]
    given_since: str = ""
    bounds: dict[Signal, tuple[float, ...]] = Field(default_factory=dict)
    metrics: dict[Signal, tuple[str, ...]]
    labels: tuple[str, ...] = ()
    when_used: tuple[Signal, ...] = ()
    empty_until_used: bool = False
    sources: Sources

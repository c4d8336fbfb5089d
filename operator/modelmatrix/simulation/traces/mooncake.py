"""Mooncake's request traces: one JSON object per line, with the hashes of the prompt's prefix blocks.

The hashes identify prompt blocks that an engine has computed before. They become the hit ratio of each request under one
LRU prefix cache that all replicas share.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.files import TraceError, open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_FIELDS = ("timestamp", "input_length", "output_length", "hash_ids")


class PrefixCache:
    """The blocks in a prefix cache with least-recently-used eviction; unlimited without a capacity."""

    def __init__(self, capacity_blocks: int | None = None) -> None:
        self._capacity = capacity_blocks
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def hit_ratio(self, blocks: Sequence[int]) -> float:
        """The share of a prompt's blocks in its longest cached prefix; afterwards all of its blocks are cached."""
        hits = 0
        while hits < len(blocks) and blocks[hits] in self._blocks:
            hits += 1
        for block in blocks:
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while self._capacity is not None and len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)
        return hits / len(blocks) if blocks else 0.0


def read_mooncake(path: Path, *, cache_blocks: int | None = None) -> Iterator[Request]:
    """The requests of a Mooncake trace in order of arrival.

    Args:
        path: JSON lines, gzipped or not, with ``timestamp`` in milliseconds.
        cache_blocks: size of the prefix cache in blocks of 512 tokens; unlimited by default.

    Raises:
        TraceError: while iterating, at the first line that is not as expected.
    """
    cache = PrefixCache(cache_blocks)
    last = 0.0
    with open_lines(path) as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            record = _record(path, number, text)
            seconds = record["timestamp"] / 1000.0
            if seconds < last:
                raise TraceError(path, number, f"a timestamp at or after {last * 1000:g} ms", f"{seconds * 1000:g}")
            last = seconds
            hit_ratio = cache.hit_ratio(record["hash_ids"])
            yield Request(seconds, max(1, int(record["input_length"])), int(record["output_length"]), hit_ratio)


def _record(path: Path, number: int, text: str) -> dict[str, Any]:
    expected = "a JSON object with the numbers timestamp, input_length, output_length and the list hash_ids"
    try:
        record = json.loads(text)
    except ValueError:
        raise TraceError(path, number, expected, repr(text.strip()[:40])) from None
    numbers = [record.get(field) for field in _FIELDS[:3]] if isinstance(record, dict) else [None]
    if not all(isinstance(value, (int, float)) and value >= 0 for value in numbers):
        raise TraceError(path, number, expected, repr(text.strip()[:40]))
    if not isinstance(record.get("hash_ids"), list):
        raise TraceError(path, number, expected, "no list hash_ids")
    return dict(record)

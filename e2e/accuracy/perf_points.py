"""Published measurements of engines, by system: aiconfigurator's silicon samples and Splitwise's performance model.

It only reads points; :mod:`.fitting` and :mod:`.validation` use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from accuracy.fitting import Measurement
from modelmatrix.simulation.traces.files import Row, TraceError, open_table

if TYPE_CHECKING:
    from pathlib import Path

    from modelmatrix.simulation.traces.files import Table

_MILLISECONDS = 1e-3


def read_silicon(path: Path) -> dict[str, list[Measurement]]:
    """Points of aiconfigurator, of engines that do prefill and decode; keys like ``Qwen3-32B h100_sxm vllm tp2``.

    Raises:
        TraceError: at the first line that is not as expected.
    """
    names = ("mode", "model_path", "system", "backend", "precision", "tp_size", "attention_dp_size", "batch_size")
    systems: dict[str, list[Measurement]] = {}
    with open_table(path) as table:
        columns = _columns(table, (*names, "isl", "osl", "silicon_ttft_ms", "silicon_tpot_ms"))
        for row in table.rows:
            cell = {name: row.cells[column] for name, column in columns.items()}
            if cell["mode"] != "agg" or not cell["silicon_tpot_ms"]:
                continue
            parts = (cell["model_path"].rpartition("/")[2], cell["system"], cell["backend"], cell["precision"])
            key = " ".join((*(part for part in parts if part), f"tp{cell['tp_size']}"))
            if cell["attention_dp_size"] not in {"", "1"}:
                key += f" dp{cell['attention_dp_size']}"
            systems.setdefault(key, []).append(
                _measurement(row, columns, ("batch_size", "isl", "osl", "silicon_ttft_ms", "silicon_tpot_ms"))
            )
    return systems


def read_splitwise(path: Path) -> dict[str, list[Measurement]]:
    """Points of Splitwise, of batches that start together; keys like ``llama2-70b h100-80gb tp8``.

    Raises:
        TraceError: at the first line that is not as expected.
    """
    values = ("batch_size", "prompt_size", "token_size", "prompt_time", "token_time")
    systems: dict[str, list[Measurement]] = {}
    with open_table(path) as table:
        columns = _columns(table, ("model", "hardware", "tensor_parallel", *values))
        for row in table.rows:
            model, hardware, ranks = (row.cells[columns[name]] for name in ("model", "hardware", "tensor_parallel"))
            systems.setdefault(f"{model} {hardware} tp{ranks}", []).append(_measurement(row, columns, values))
    return systems


def _columns(table: Table, names: tuple[str, ...]) -> dict[str, int]:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise TraceError(table.path, 1, f"the columns {', '.join(missing)}", ",".join(table.columns)[:80])
    return {name: table.columns.index(name) for name in names}


def _measurement(row: Row, columns: dict[str, int], names: tuple[str, str, str, str, str]) -> Measurement:
    batch, prompt, output, ttft, tpot = (row.number(columns[name], name) for name in names)
    return Measurement(batch, prompt, output, ttft * _MILLISECONDS, tpot * _MILLISECONDS)

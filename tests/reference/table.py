"""Prints verdicts on the published deployments as Markdown: ours beside the rules of peers.

``python tests/reference/table.py`` needs ``operator`` and ``tests`` on PYTHONPATH.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reference.oracle import (
    CAPABILITY,
    Row,
    gpustack_rule,
    kaito_rule,
    one_size_down,
    ours,
    ours_automatic,
    read_rows,
    recipes_rule,
)

Rule = Callable[[Row], bool]

RULES: tuple[tuple[str, Rule, Rule], ...] = (
    ("this planner", ours, ours_automatic),
    ("vLLM recipes", recipes_rule, recipes_rule),
    ("GPUStack", gpustack_rule, gpustack_rule),
    ("KAITO", kaito_rule, kaito_rule),
)


def table(rows: Iterable[Row]) -> str:
    """The table, and below it which rows are meant by each number."""
    usable = [row for row in rows if row.usable_as_oracle]
    runs = [row for row in usable if row.kind in ("serve", "min-devices")]
    smaller = [down for row in usable if row.kind == "min-devices" and (down := one_size_down(row))]
    refused = [row for row in usable if row.kind == "infeasible"]
    memory = [row for row in refused if row.id not in CAPABILITY]
    capability = [row for row in refused if row.id in CAPABILITY]
    heads = (
        "rule",
        f"false rejects of {len(runs)} that run",
        f"false accepts one size below {len(smaller)} minimum counts",
        f"false accepts of {len(memory)} that lack memory",
        f"false accepts of {len(capability)} that lack a capability",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, rule, automatic in RULES:
        counts = (
            _ids(row for row in runs if not rule(row)),
            _ids(row for row in smaller if automatic(row)),
            _ids(row for row in memory if rule(row)),
            _ids(row for row in capability if rule(row)),
        )
        lines.append(f"| {name} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def _ids(rows: Iterable[Row]) -> str:
    """The number of rows, and which they are when they are few."""
    ids = [row.id.removeprefix("ref-") for row in rows]
    shown = f" ({', '.join(ids)})" if ids and len(ids) <= 12 else ""
    return f"{len(ids)}{shown}"


if __name__ == "__main__":
    print(table(read_rows()))  # noqa: T201 - it is what this program is for

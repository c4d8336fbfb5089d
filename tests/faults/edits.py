"""Runs edits of leaves on the real API server: each is refused, or the fleet is as before soon after it is taken back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from faults.leaves import Edit
from faults.observer import JSON_PATCH
from faults.runner import Runner

PATIENCE_SECONDS, LASTING_SECONDS = 30.0, 0.4


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """What became of an edit: whether the API server refused it, the seconds until all was as before, and what was not."""

    edit: Edit
    refused: bool
    seconds: float
    violations: list[str]


async def try_edit(runner: Runner, path: str, base: dict[str, Any], edit: Edit, neighbour: str) -> EditOutcome:
    """Make an edit of the object at a path, let it last a moment, and take it back. The neighbour serves all the time."""
    before = runner.references[-1].end
    runner.proxy.begin_step()
    runner.observer.clear_lowest()
    serving = runner.observer.lowest.get(neighbour, 0)
    code = await runner.observer.patch(path, [{"op": "replace", "path": "/spec", "value": edit.spec}], JSON_PATCH)
    if code >= HTTPStatus.BAD_REQUEST:
        return EditOutcome(edit, refused=True, seconds=0.0, violations=[])
    await asyncio.sleep(LASTING_SECONDS)
    started = time.monotonic()
    await runner.observer.patch(path, [{"op": "replace", "path": "/spec", "value": base}], JSON_PATCH)
    after = await runner.state_like(before, PATIENCE_SECONDS)
    wrong = runner.differences(after, before)
    if runner.observer.lowest.get(neighbour, 0) < serving:
        wrong.append(f"{neighbour}: {runner.observer.lowest.get(neighbour, 0)} of {serving} served meanwhile")
    if any(operator.ended.is_set() for operator in runner.operators):
        wrong.append("an operator has ended")
    return EditOutcome(edit, refused=False, seconds=time.monotonic() - started, violations=wrong)

"""To which nodes pods may go: those that count for their pool, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import deployment, node, pool
from modelmatrix.catalogue.loader import builtin
from scenarios.world import World, rest

CHIP, BOARD = "vendor.example/chip", "vendor.example/board"
TWO_LABELS = {CHIP: ("A", "B"), BOARD: ("X",)}


def nodes_used(known: dict[str, tuple[str, ...]], *there: dict[str, str]) -> tuple[set[str], set[str]]:
    """Of nodes with such labels those that get pods, and those that count; ``known`` are the chip's labels."""
    view = deployment(replicas=8 * len(there))
    catalogue = builtin()
    chip = catalogue.accelerators["910b-64g"].model_copy(update={"labels": known})
    state = World(
        deployments={view.key: view},
        pools={"ascend-a": pool()},
        nodes={str(number): node(name=str(number), labels=labels) for number, labels in enumerate(there)},
        catalogue=replace(catalogue, accelerators={**catalogue.accelerators, chip.id: chip}),
    )
    made = rest(state)
    return {item.node for item in state.pods if item.node}, {item.name for item in made.pools["ascend-a"].nodes}


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        ({}, True),
        ({CHIP: "A"}, True),
        ({CHIP: "B", BOARD: "X"}, True),
        ({CHIP: "C"}, False),
        ({CHIP: "A", BOARD: "Y"}, False),
        ({BOARD: "Y"}, False),
    ],
)
def test_each_label_of_the_vendor_is_right_or_missing(labels: dict[str, str], *, counts: bool) -> None:
    used, counted = nodes_used(TWO_LABELS, labels, {CHIP: "A", BOARD: "X"})
    assert used == counted == ({"0", "1"} if counts else {"1"})


def test_a_chip_whose_labels_nobody_knows_may_be_anywhere_in_its_pool() -> None:
    assert nodes_used({}, {CHIP: "A"}, {CHIP: "C"}) == ({"0", "1"}, {"0", "1"})

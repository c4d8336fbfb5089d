"""Edits cover every leaf of both kinds three times, and change that leaf alone."""

from __future__ import annotations

from collections import Counter

import pytest

from faults.leaves import edits, leaves, schema_of, with_value
from faults.life import ONE, pool_spec, spec

SPECS = {"modeldeployments": spec(2, ONE), "acceleratorpools": pool_spec(ONE)}


@pytest.mark.parametrize("plural", sorted(SPECS))
def test_every_leaf_is_edited_three_times_and_every_edit_is_another_spec(plural: str) -> None:
    schema = schema_of(plural)
    made = list(edits(schema, SPECS[plural]))
    assert len(made) == 3 * len(list(leaves(schema))) > 60
    assert set(Counter(edit.leaf for edit in made).values()) == {3}
    assert {edit.sort for edit in made} == {"bound", "other", "removed", "garbage"}
    assert sum(edit.spec == SPECS[plural] for edit in made) < len(made) / 20, "an edit to what is there already is none"


def test_the_way_to_a_leaf_is_made_where_it_is_not_there() -> None:
    schema = {
        "properties": {
            "bounds": {"required": ["least"], "properties": {"least": {"type": "integer"}, "most": {"type": "integer"}}},
            "names": {"type": "array", "items": {"type": "string"}},
            "sites": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
            "labels": {"additionalProperties": {"type": "string"}},
        }
    }
    assert with_value({}, schema, ("bounds", "most"), 5) == {"bounds": {"least": 1, "most": 5}}
    assert with_value({}, schema, ("names", 0), "a") == {"names": ["a"]}
    assert with_value({"names": ["b", "c"]}, schema, ("names", 0), "a") == {"names": ["a", "c"]}
    assert with_value({}, schema, ("sites", 0, "name"), "a") == {"sites": [{"name": "a"}]}
    assert with_value({}, schema, ("labels", "example.com/key"), "a") == {"labels": {"example.com/key": "a"}}


def test_a_bound_is_passed_and_a_removed_leaf_is_gone() -> None:
    made = {(edit.leaf, edit.sort): edit for edit in edits(schema_of("modeldeployments"), SPECS["modeldeployments"])}
    assert made["replicas", "bound"].value == schema_of("modeldeployments")["properties"]["replicas"].get("maximum", -2) + 1
    assert "quantization" not in made["quantization", "removed"].spec
    assert made["pools.0.name", "other"].spec["pools"][0]["name"] == "another"

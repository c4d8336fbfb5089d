"""CRDs: the files are what the types give, and they keep the rules of the API conventions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmatrix.api import crd, names

ROOT = Path(__file__).parents[3]
MAX_COMPACT_BYTES = 100_000
FILES = sorted(crd.render_all())
CRDS = {name: yaml.safe_load(text) for name, text in crd.render_all().items()}

Schema = dict[str, Any]


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema of a tree with its path, below the root."""
    for name, child in schema.get("properties", {}).items():
        if path or name not in ("apiVersion", "kind", "metadata"):
            yield f"{path}.{name}", child
            yield from walk(child, f"{path}.{name}")
    for word, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(word), dict):
            yield f"{path}{suffix}", schema[word]
            yield from walk(schema[word], f"{path}{suffix}")


def root(name: str) -> Schema:
    version: Schema = CRDS[name]["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


NODES = [(f"{name.removesuffix('.yaml')}{path}", schema) for name in FILES for path, schema in walk(root(name))]
FIELDS = [(path, schema) for path, schema in NODES if not path.endswith(("[]", "{}"))]
ROOTS = [(name.removesuffix(".yaml"), root(name)) for name in FILES]
RULES = [
    (f"{path}[{index}]", rule)
    for path, schema in [*ROOTS, *NODES]
    for index, rule in enumerate(schema.get("x-kubernetes-validations", ()))
]


def offenders(cases: list[tuple[str, Schema]], allowed: Callable[[Schema], bool]) -> list[str]:
    """Paths of what is not allowed: a failing test then names all of them."""
    return [path for path, schema in cases if not allowed(schema)]


def of_type(type_: str) -> list[tuple[str, Schema]]:
    return [(path, schema) for path, schema in NODES if schema.get("type") == type_]


@pytest.mark.parametrize("folder", ["crds", "charts/modelmatrix/files/crds"])
def test_the_files_are_what_the_types_give(folder: str) -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / folder).glob("*.yaml")}
    assert found == crd.render_all(), f"run `python -m modelmatrix.api.crd {folder}`"


def test_the_command_writes_every_file(tmp_path: Path) -> None:
    crd.main(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == crd.render_all()


@pytest.mark.parametrize("name", FILES)
def test_a_crd_stays_small_enough_to_be_applied_by_anyone(name: str) -> None:
    assert len(json.dumps(CRDS[name], separators=(",", ":"))) < MAX_COMPACT_BYTES


def test_every_field_is_described_by_a_sentence() -> None:
    assert not offenders(FIELDS, lambda schema: is_sentence(schema.get("description", "")))


def is_sentence(text: str) -> bool:
    return text.endswith(".") and (text[0].isupper() or text[0].isdigit()) and len(text.split()) > 1


def test_a_description_states_default_and_bounds() -> None:
    assert not offenders([(path, schema) for path, schema in FIELDS if "maximum" in schema], states_bounds)
    assert not offenders(
        [(path, schema) for path, schema in FIELDS if schema.get("default", []) not in ([], {})], states_default
    )


def states_bounds(schema: Schema) -> bool:
    return f"between {schema['minimum']} and {schema['maximum']}" in schema["description"]


def states_default(schema: Schema) -> bool:
    default = schema["default"]
    return f"default {str(default).lower() if isinstance(default, bool) else default}" in schema["description"]


def test_every_string_is_bounded() -> None:
    assert not offenders(of_type("string"), lambda s: "maxLength" in s or "enum" in s or s.get("format") == "date-time")


def test_every_list_is_bounded_and_says_how_it_merges() -> None:
    assert not offenders(
        of_type("array"), lambda s: "maxItems" in s and s["x-kubernetes-list-type"] in ("map", "set", "atomic")
    )


def test_keys_of_lists_are_required() -> None:
    assert not offenders(
        of_type("array"),
        lambda s: all(key in s["items"]["required"] for key in s.get("x-kubernetes-list-map-keys", ())),
    )


def test_every_map_is_bounded() -> None:
    assert not offenders([(path, s) for path, s in NODES if "additionalProperties" in s], lambda s: "maxProperties" in s)


def test_there_are_no_floats_no_nulls_and_no_untyped_fields() -> None:
    types = ("string", "integer", "boolean", "array", "object")
    assert not offenders(NODES, lambda s: s["type"] in types and not s.get("nullable") and s.get("default", "") is not None)


def test_every_number_of_a_spec_has_a_lowest_value() -> None:
    specs = [(path, schema) for path, schema in of_type("integer") if ".spec" in path]
    assert not offenders(specs, lambda schema: "minimum" in schema)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=path) for path, rule in RULES])
def test_every_rule_quotes_values_and_has_a_fallback_and_a_reason(rule: Schema) -> None:
    assert ".format([" in rule["messageExpression"]
    assert rule["message"]
    assert "\n" not in rule["message"]
    assert rule["reason"] in ("FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate")


def test_there_are_rules_for_what_the_contract_refuses() -> None:
    texts = " ".join(rule["rule"] for _, rule in RULES)
    for wanted in ("minReplicas <= self.maxReplicas", "self.replicas == 1", "startsWith('.')", "metadata.name"):
        assert wanted in texts


def test_there_are_no_schema_unions() -> None:
    """A default of a member would make the API server fill it in beside the one that the user chose."""
    assert not offenders(NODES, lambda schema: not {"oneOf", "anyOf", "allOf", "not"} & schema.keys())


def test_of_replicas_and_scaling_only_replicas_has_a_default() -> None:
    """``kubectl scale`` needs spec.replicas to exist, so a rule allows its default 1 beside scaling."""
    spec = root("modeldeployments.yaml")["properties"]["spec"]
    assert "default" not in spec["properties"]["scaling"]
    assert spec["properties"]["replicas"]["default"] == 1
    slo = spec["properties"]["slo"]["properties"]
    assert [name for name, schema in slo.items() if "default" in schema] == ["percentile"]


@pytest.mark.parametrize("definition", crd.DEFINITIONS, ids=lambda item: item.kind.kind)
def test_names_are_those_of_the_contract(definition: crd.Definition) -> None:
    document = crd.custom_resource_definition(definition)
    assert document["metadata"]["name"] == f"{definition.kind.plural}.modelmatrix.io"
    assert document["spec"]["names"]["categories"] == ["modelmatrix"]
    assert document["spec"]["scope"] == ("Namespaced" if definition.kind.kind == "ModelDeployment" else "Cluster")
    assert document["spec"]["versions"][0]["name"] == "v1alpha1"


def test_columns_and_scale_are_those_of_the_contract() -> None:
    version = CRDS["modeldeployments.yaml"]["spec"]["versions"][0]
    columns = [(item["name"].upper(), item.get("priority", 0)) for item in version["additionalPrinterColumns"]]
    plain = ["MODEL", "QUANT", "PLACEMENT", "READY", "DESIRED", "SLO", "REASON", "AGE"]
    wide = ["TTFT", "TPOT", "COST/H", "MESSAGE"]
    assert columns == [*((name, 0) for name in plain), *((name, 1) for name in wide)]
    assert version["subresources"]["scale"]["labelSelectorPath"] == ".status.selector"
    assert CRDS["modeldeployments.yaml"]["spec"]["names"]["shortNames"] == ["mdep"]
    assert CRDS["acceleratorpools.yaml"]["spec"]["names"]["shortNames"] == ["apool"]


def test_columns_point_at_fields_that_exist() -> None:
    for document in CRDS.values():
        version = document["spec"]["versions"][0]
        schema = version["schema"]["openAPIV3Schema"]
        for column in version["additionalPrinterColumns"]:
            path = column["jsonPath"].partition("[?")[0].strip(".").split(".")
            if path[0] != "metadata":
                assert resolves(schema, path), column


def resolves(schema: Schema, path: list[str]) -> bool:
    """Whether a field path leads somewhere."""
    for name in path:
        if name not in schema.get("properties", {}):
            return False
        schema = schema["properties"][name]
    return True


def test_a_pool_name_is_bounded_because_it_becomes_a_label_value() -> None:
    assert any("<= 63" in rule["rule"] for _, rule in RULES)
    assert any(f"<= {names.NAME_MAX_LENGTH}" in rule["rule"] for _, rule in RULES)

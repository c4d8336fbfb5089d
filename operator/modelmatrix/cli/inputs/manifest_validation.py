"""Validates a document as the API server would: name, labels, apiVersion and spec."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from modelmatrix.api import names
from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.api.tenant_policy import TenantPolicySpec
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.field_errors import describe_validation_error

SPECS: dict[str, type[BaseModel]] = {
    names.MODEL_DEPLOYMENTS.kind: ModelDeploymentSpec,
    names.ACCELERATOR_POOLS.kind: AcceleratorPoolSpec,
    names.MODEL_PROFILES.kind: ModelProfileSpec,
    names.ENGINE_PROFILES.kind: EngineProfileSpec,
    names.TENANT_POLICIES.kind: TenantPolicySpec,
}
KINDS: dict[str, names.Kind] = {
    kind.kind: kind
    for kind in (
        *(names.MODEL_DEPLOYMENTS, names.ACCELERATOR_POOLS, names.MODEL_PROFILES, names.ENGINE_PROFILES),
        *(names.TENANT_POLICIES, names.NAMESPACES, names.NODES, names.RUNTIME_CLASSES),
    )
}

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAMESPACE_LENGTH, _NAME_LENGTH = 63, 253
_SUBDOMAIN = "must hold only a-z, 0-9, - and ., and begin and end with a letter or digit"

Document = dict[str, Any]


def is_planning_input(item: Mapping[str, Any]) -> bool:
    """Whether a plan depends on objects of this kind; Longhorn's Node, a kind of another group, does not count."""
    kind, group = KINDS.get(str(item.get("kind"))), str(item.get("apiVersion") or "").rpartition("/")[0]
    return kind is not None and (kind.group == names.GROUP or group in ("", kind.group))


def validate_manifest(item: Document, namespace: str, path: object) -> Document:
    """The document with its namespace, if its kind has namespaces, and without a status, except for nodes.

    Raises:
        CliError: the API server would reject it.
    """
    kind = KINDS[item["kind"]]
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise CliError(f"{path}: {kind.kind} without metadata.name")
    wrong = _wrong_metadata(kind, metadata) or _wrong_form(item) or _wrong_version(kind, item) or _wrong_spec(item)
    if wrong:
        raise CliError(" ".join(f"{path}: {kind.kind} {metadata['name']}: {wrong}".split()))
    own = {"namespace": metadata.get("namespace") or namespace} if kind.namespaced else {}
    metadata = {**own, **{key: value for key, value in metadata.items() if key != "namespace"}}
    # kubectl apply does not write the status of these kinds; the status of a node has its devices.
    return {key: value for key, value in item.items() if key != "status" or kind is names.NODES} | {"metadata": metadata}


def _wrong_metadata(kind: names.Kind, metadata: Mapping[str, Any]) -> str:
    name, namespace = metadata["name"], metadata.get("namespace") or "default"
    if not isinstance(name, str):
        return "metadata.name must be text: quote it"
    if kind is names.MODEL_DEPLOYMENTS and not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name):
        return "metadata.name must begin with a letter and hold only a-z, 0-9 and -, none at its end: it names a Service"
    if len(name) > _NAME_LENGTH or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name):
        return f"metadata.name {_SUBDOMAIN}; at most {_NAME_LENGTH} characters"
    if not isinstance(namespace, str) or len(namespace) > _NAMESPACE_LENGTH or not re.fullmatch(_LABEL, namespace):
        return f"metadata.namespace {_SUBDOMAIN.replace(', - and .', ' and -')}; at most {_NAMESPACE_LENGTH} characters"
    return next((wrong for field in ("labels", "annotations") if (wrong := _wrong_map(field, metadata.get(field)))), "")


def _wrong_map(field: str, value: Any) -> str:
    if value is None or (isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)):
        return ""
    return f"metadata.{field} must be a map of text to text: quote numbers, true and false"


def _wrong_form(item: Document) -> str:
    invalid = [field for field in ("spec", "status") if not isinstance(item.get(field) or {}, dict)]
    return f"{invalid[0]} must be an object with fields" if invalid else ""


def _wrong_version(kind: names.Kind, item: Document) -> str:
    version = item.get("apiVersion")
    return "" if version == kind.api_version else f"apiVersion must be {kind.api_version}, not {version}"


def _wrong_spec(item: Document) -> str:
    """The first error of the schema. Strict JSON mode: a quoted number or a field by its Python name is an error."""
    spec = SPECS.get(item["kind"])
    if spec is None:
        return ""
    try:
        text = json.dumps(item.get("spec"), default=str)
        spec.model_validate_json(text, strict=True, extra="forbid", by_alias=True, by_name=False)
    except ValidationError as error:
        return describe_validation_error(spec, error)
    except TypeError:
        return "spec has a field whose name is not text: quote it"
    return ""

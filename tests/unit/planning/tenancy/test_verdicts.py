"""What a namespace may not use, with what it may and who can change that."""

from __future__ import annotations

from typing import Any

import pytest

from factories import policy
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.api.weights_source import parse_source
from modelmatrix.catalogue.catalogue import KnownModel
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.snapshot.snapshot import TenantDefaults
from modelmatrix.planning.tenancy.rules import UNRESTRICTED, TenantRules, rules_of
from modelmatrix.planning.tenancy.verdicts import begins_with, model_denied, pool_denied, secret_denied, source_denied

STRICT = TenantDefaults(Priority.P2, CustomCode.REFUSE, ("weights-*",))


def rules(**fields: Any) -> TenantRules:
    return rules_of([policy(name="desk", **fields)], {}, STRICT)


def model(name: str) -> KnownModel:
    known = builtin().model(name)
    assert known is not None
    return known


def source(found: TenantRules, text: str) -> str:
    return source_denied(found, text, parse_source(text))


def test_without_rules_everything_is_allowed() -> None:
    assert not pool_denied(UNRESTRICTED, "any")
    assert not model_denied(UNRESTRICTED, model("glm-4-9b-chat"))
    assert not secret_denied(UNRESTRICTED, "any")
    assert not source(UNRESTRICTED, "hf://any/thing")


def test_pools_are_named_with_stars() -> None:
    found = rules(pools=["ascend-*", "lab"])
    assert not pool_denied(found, "ascend-a")
    assert not pool_denied(found, "lab")
    assert pool_denied(found, "nvidia-a") == (
        "pool nvidia-a: TenantPolicy desk allows ascend-*, lab; use one of these, or have an admin set pools in "
        "TenantPolicy desk"
    )
    assert pool_denied(found, "my-ascend-a")


def test_an_empty_list_allows_none_and_a_long_one_is_cut() -> None:
    assert "TenantPolicy desk allows none;" in pool_denied(rules(pools=[]), "a")
    assert "allows p0, p1, p2, p3, ...;" in pool_denied(rules(pools=[f"p{index}" for index in range(9)]), "a")


@pytest.mark.parametrize("pattern", ["Qwen/*", "qwen3-32b", "Qwen3-*", "QWEN/Qwen3-32B", "*"])
def test_models_are_allowed_by_canonical_id_with_or_without_organisation(pattern: str) -> None:
    assert not model_denied(rules(models=[pattern]), model("qwen3-32b"))


@pytest.mark.parametrize("pattern", ["Qwen3-8B", "deepseek-ai/*", "wen3-32B"])
def test_other_models_are_denied(pattern: str) -> None:
    assert model_denied(rules(models=[pattern]), model("Qwen3-32B")).startswith(
        "model Qwen/Qwen3-32B: TenantPolicy desk allows"
    )


def test_code_of_a_model_needs_a_policy_that_allows_it() -> None:
    glm = model("glm-4-9b-chat")
    assert model_denied(rules(), glm) == (
        f"{glm.name} runs code of its own (--trust-remote-code), which no TenantPolicy of its namespace allows; have an admin "
        "set customCode: Allow in a TenantPolicy for the namespace"
    )
    assert "TenantPolicy desk refuses; have an admin set customCode: Allow in TenantPolicy desk" in model_denied(
        rules(customCode="Refuse"), glm
    )
    assert not model_denied(rules(customCode="Allow"), glm)
    assert not model_denied(rules(customCode="Refuse"), model("Qwen3-32B"))


def test_a_model_that_is_not_allowed_is_denied_with_code_or_without() -> None:
    assert "models" in model_denied(rules(models=["Qwen*"], customCode="Allow"), model("glm-4-9b-chat"))


def test_secrets_are_named_with_stars_and_none_is_fine() -> None:
    assert not secret_denied(rules(secretNames=[]), None)
    assert not secret_denied(rules(), "weights-reader")
    assert secret_denied(rules(), "payments-db") == (
        "Secret payments-db: without a TenantPolicy its namespace may use weights-*; use one of these, or have an admin set "
        "secretNames in a TenantPolicy for the namespace"
    )
    assert secret_denied(rules(secretNames=["hub"]), "weights-reader")


@pytest.mark.parametrize(
    ("text", "prefix", "begins"),
    [
        ("hf://Qwen/Qwen3-8B", "hf://", True),
        ("hf://Qwen/Qwen3-8B", "hf://Qwen", True),
        ("hf://Qwen/Qwen3-8B@main", "hf://Qwen/Qwen3-8B", True),
        ("hf://QwenEvil/model", "hf://Qwen", False),
        ("hf://Qwen/Qwen3-8B-evil", "hf://Qwen/Qwen3-8B", False),
        ("oci://registry.bank.local/models/x", "oci://registry.bank.local/models/", True),
        ("oci://registry.bank.local.evil/models/x", "oci://registry.bank.local", False),
        ("oci://registry.bank.local:5000/x", "oci://registry.bank.local", False),
        ("pvc://weights", "pvc://", True),
        ("s3://bucket/x", "pvc://", False),
    ],
)
def test_a_prefix_ends_where_a_segment_does(text: str, prefix: str, begins: bool) -> None:  # noqa: FBT001 - a table
    assert begins_with(text, prefix) is begins


def test_sources_and_claims() -> None:
    found = rules(sources=["pvc://", "oci://registry.bank.local/models/"], claimNames=["weights*"])
    assert not source(found, "pvc://weights-a/qwen")
    assert not source(found, "oci://registry.bank.local/models/qwen@sha256:0")
    assert source(found, "hf://attacker/repository@main").startswith(
        "source hf://attacker/repository@main: TenantPolicy desk allows pvc://, oci://registry.bank.local/models/;"
    )
    assert source(found, "pvc://postgres-data").startswith("claim postgres-data: TenantPolicy desk allows weights*;")


def test_each_policy_must_allow_it() -> None:
    views = [policy(name="a", pools=["x", "y"]), policy(name="b", pools=["y", "z"])]
    found = rules_of(views, {}, STRICT)
    assert "TenantPolicy b" in pool_denied(found, "x")
    assert "TenantPolicy a" in pool_denied(found, "z")
    assert not pool_denied(found, "y")

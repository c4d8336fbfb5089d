"""Why a namespace may not use what a spec names: a message for each, with what is allowed and what to change. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from modelmatrix.api.weights_source import Source
from modelmatrix.catalogue.catalogue import KnownModel
from modelmatrix.planning.tenancy.rules import DEFAULT, Allowed, TenantRules

SHOWN_PATTERNS = 4


def pool_denied(rules: TenantRules, pool: str) -> str:
    """Why the pool may not be used; empty when it may."""
    return _denied(rules.pools, f"pool {pool}", "pools", lambda pattern: fnmatchcase(pool, pattern))


def model_denied(rules: TenantRules, model: KnownModel) -> str:
    """Why the model may not be served, or not with the code that it brings along; empty when it may."""
    full = model.name.lower()
    short = full.rpartition("/")[2]
    denied = _denied(
        rules.models,
        f"model {model.name}",
        "models",
        lambda pattern: fnmatchcase(full, pattern.lower()) or fnmatchcase(short, pattern.lower()),
    )
    if not denied and model.facts.custom_code and rules.code_refused_by:
        by = rules.code_refused_by[0]
        return f"{model.name} runs code of its own (--trust-remote-code), which {_refuses(by)}; {_ask(by, 'customCode: Allow')}"
    return denied


def secret_denied(rules: TenantRules, secret: str | None) -> str:
    """Why the Secret may not be used; empty when it may, or when there is none."""
    if secret is None:
        return ""
    return _denied(rules.secrets, f"Secret {secret}", "secretNames", lambda pattern: fnmatchcase(secret, pattern))


def source_denied(rules: TenantRules, text: str, source: Source) -> str:
    """Why weights may not come from the source; empty when they may."""
    denied = _denied(rules.sources, f"source {text}", "sources", lambda prefix: begins_with(text, prefix))
    if not denied and source.claim:
        return _denied(rules.claims, f"claim {source.claim}", "claimNames", lambda pattern: fnmatchcase(source.claim, pattern))
    return denied


def begins_with(text: str, prefix: str) -> bool:
    """Whether a source begins with a prefix that ends where one of its segments does: hf://Qwen is not hf://QwenX/model."""
    return text.startswith(prefix) and (prefix.endswith("/") or text[len(prefix) :][:1] in ("", "/", "@"))


def _denied(stated: Iterable[Allowed], what: str, field: str, holds: Callable[[str], bool]) -> str:
    for policy, patterns in stated:
        if not any(map(holds, patterns)):
            shown = ", ".join(patterns[:SHOWN_PATTERNS]) + (", ..." if len(patterns) > SHOWN_PATTERNS else "")
            return f"{what}: {_allows(policy)} {shown or 'none'}; use one of these, or {_ask(policy, field)}"
    return ""


def _allows(policy: str) -> str:
    return "without a TenantPolicy its namespace may use" if policy == DEFAULT else f"TenantPolicy {policy} allows"


def _refuses(policy: str) -> str:
    return "no TenantPolicy of its namespace allows" if policy == DEFAULT else f"TenantPolicy {policy} refuses"


def _ask(policy: str, field: str) -> str:
    where = "a TenantPolicy for the namespace" if policy == DEFAULT else f"TenantPolicy {policy}"
    return f"have an admin set {field} in {where}"

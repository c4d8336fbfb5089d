"""Template variables that engine files may use in arguments, values and conditions.

``planning.rendering`` gives each of them a text for every pod. A variable that is not here is refused when the catalogue is
loaded: in a condition it would silently never hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import Any

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.api.profiles import Task
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.engines import Engine, RenderCondition

_TRUTH = ("false", "true")

# The values that a variable can have; empty where the values are not a closed list.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    # What is served.
    "model": (),  # what the engine loads: a repository, or a path in the container
    "served_name": (),  # the name that clients send
    "architecture": (),
    "task": tuple(Task),
    "quantization": tuple(Quantization),
    "scheme": tuple(Scheme),
    "revision": (),
    "revised": _TRUTH,  # the engine downloads a revision that the source names
    "custom_code": _TRUTH,
    "max_model_len": (),  # tokens
    "api_key": _TRUTH,  # clients must send an API key
    # Where.
    "vendor": (),  # checked against the vendors of the catalogue
    "family": (),  # checked against its families
    "host_network": _TRUTH,
    # How it is cut.
    "role": ("leader", "worker"),
    "tensor": (),
    "pipeline": (),
    "data": (),
    "expert": (),
    "ranks_per_stage": (),  # tensor times data
    "devices": (),  # of the replica
    "device_ids": (),  # JSON list of the devices of a pod, from 0
    "nodes": (),
    "multi_node": _TRUTH,
    "pipelined": _TRUTH,
    "data_parallel": _TRUTH,
    "expert_parallel": _TRUTH,
    "collective": _TRUTH,  # several devices
    # What the engine file itself and the histograms say.
    "memory_utilization": (),
    "drain_seconds": (),
    "histogram_buckets": (),  # JSON of all three histograms
    "time_to_first_token_buckets": (),  # seconds, with blanks between them
    "inter_token_latency_buckets": (),
    "request_latency_buckets": (),
}


def template_values(*, vendors: Iterable[str], families: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The values of :data:`VARIABLES` in a catalogue with these vendors and families."""
    return {**VARIABLES, "vendor": tuple(sorted(vendors)), "family": tuple(sorted(families))}


def template_problems(engine: Engine, values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Unknown variables and conditions that never hold in an engine, each as ``field: what is wrong``."""
    for argument in engine.arguments:
        yield from (f"arguments: {problem}" for text in argument.args for problem in _unknown_variables(text))
        yield from (f"arguments: {argument.key}: {problem}" for problem in _never_holds(argument.when, values))
    for variable in engine.environment:
        yield from (f"environment: {variable.name}: {problem}" for problem in _unknown_variables(variable.value))
        yield from (f"environment: {variable.name}: {problem}" for problem in _never_holds(variable.when, values))
    if engine.configuration is not None:
        texts = _texts(engine.configuration.content)
        yield from (f"configuration: {problem}" for text in texts for problem in _unknown_variables(text))


def _unknown_variables(text: str) -> Iterator[str]:
    if "{" not in text and "}" not in text:
        return
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        yield f"{text!r}: {error}; a literal brace is doubled"
        return
    for name in names:
        if name not in VARIABLES:
            yield f"{text!r}: {name!r} is not a template variable"


def _never_holds(condition: RenderCondition, values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for variable, accepted in condition.accepted.items():
        if variable not in values:
            yield f"when: {variable} is not a template variable"
            continue
        known = values[variable]
        for value in accepted:
            if known and value not in known:
                yield f"when: {variable} is never {value}; it is one of {', '.join(known)}"


def _texts(content: Any) -> Iterator[str]:
    """All strings of a tree."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)

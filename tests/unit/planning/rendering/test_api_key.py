"""An API key for the clients of an engine: it reaches the engine by a Secret, and probes and Prometheus do without it."""

from __future__ import annotations

from typing import Any

import pytest

from factories import deployment, nodes, pool, snapshot
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS, PlanSettings
from rendered import Case, leader, pods, workload

Manifest = dict[str, Any]

KEY = {"apiKey": {"secretName": "clients", "key": "token"}}
REFERENCE = {"secretKeyRef": {"name": "clients", "key": "token"}}
CASES = {
    "vLLM": Case("key", "l20-48g", "Qwen3-8B", "BF16", candidate={"engine": "vLLM"}),
    "vLLM-Ascend": Case("key", "910b-64g", "Qwen3-32B", "W8A8", candidate={"engine": "vLLM-Ascend"}),
    "SGLang": Case("key", "l20-48g", "Qwen3-8B", "BF16", candidate={"engine": "SGLang"}),
    "TEI": Case("key", "l20-48g", "bge-m3", "FP16", candidate={"engine": "TEI"}),
    "llama.cpp": Case("key", "l20-48g", "Qwen3-8B", "GGUF", candidate={"engine": "llama.cpp"}),
}
GROUP = Case(
    "key", "h20-96g", "DeepSeek-R1", "FP8", nodes=2, candidate={"engine": "SGLang", "parallelism": {"tensor": 8, "pipeline": 2}}
)
VARIABLES = {"vLLM": "VLLM_API_KEY", "vLLM-Ascend": "VLLM_API_KEY", "TEI": "API_KEY", "llama.cpp": "LLAMA_API_KEY"}


def keyed(case: Case, **spec: Any) -> Manifest:
    return workload(Case(case.name, case.chip, case.model, case.quantization, case.nodes, case.candidate, {**KEY, **spec}))


def secret_variables(container: Manifest) -> dict[str, Manifest]:
    return {item["name"]: item["valueFrom"] for item in container["env"] if "secretKeyRef" in item.get("valueFrom", {})}


def verdict(engine: str | None = None, settings: PlanSettings | None = None, **spec: Any) -> tuple[str, str, str]:
    """Verdict, engine and message of a deployment on NVIDIA, with a key and an engine."""
    candidate = {"name": "p", "engine": engine}
    fields = {"model": "Qwen3-8B", "quantization": "BF16", **KEY, **spec}
    chip = fields.pop("chip", "l20-48g")
    view = deployment(pools=[candidate], **fields)
    there = nodes(1, pool="p", resource=builtin().accelerators[chip].resources[0])
    made = plan(
        snapshot(
            deployments=(view,), pools=(pool(name="p", accelerator=chip),), nodes=there, settings=settings or PlanSettings()
        )
    )
    (found,) = made.statuses[view.key]["candidates"]
    return found["verdict"], found["engine"], found["message"]


@pytest.mark.parametrize(("name", "found"), [("payments-db", "Impossible"), ("api-key-chat", "Fits")])
def test_the_secret_is_one_that_the_namespace_may_use(name: str, found: str) -> None:
    """A guess at a key is a guess at the Secret."""
    tenancy = PlanSettings(tenancy=SAFE_DEFAULTS)
    assert verdict("vLLM", tenancy, apiKey={"secretName": name})[0] == found
    assert verdict("vLLM", apiKey={"secretName": name})[0] == "Fits"


def test_every_engine_that_takes_a_key_is_tried_here() -> None:
    assert {engine.name for engine in builtin().engines.values() if engine.api_key} == CASES.keys()


@pytest.mark.parametrize("engine", VARIABLES)
def test_an_engine_reads_its_own_variable(engine: str) -> None:
    assert secret_variables(leader(keyed(CASES[engine]))) == {VARIABLES[engine]: REFERENCE}


def test_sglang_reads_a_flag_that_names_the_variable() -> None:
    container = leader(keyed(CASES["SGLang"]))
    (name,) = secret_variables(container)
    flag = container["args"].index("--api-key")
    assert container["args"][flag + 1] == f"$({name})"


@pytest.mark.parametrize("engine", CASES)
def test_without_a_key_there_is_nothing_of_it(engine: str) -> None:
    container = leader(workload(CASES[engine]))
    assert secret_variables(container) == {}
    assert "--api-key" not in container["args"]


def test_only_the_pod_that_serves_has_the_key() -> None:
    first, second = (pod["spec"]["containers"][0] for pod in pods(keyed(GROUP)))
    assert secret_variables(first)
    assert "--api-key" in first["args"]
    assert secret_variables(second) == {}
    assert "--api-key" not in second["args"]


@pytest.mark.parametrize("engine", CASES)
def test_probes_need_no_key(engine: str) -> None:
    probes = [leader(keyed(CASES[engine]))[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    if engine == "TEI":
        assert all(probe["tcpSocket"] == {"port": 8080} and "httpGet" not in probe for probe in probes)
    else:
        assert all(probe["httpGet"]["path"] == "/health" for probe in probes)


def test_probes_of_tei_ask_its_health_page_without_a_key() -> None:
    assert leader(workload(CASES["TEI"]))["readinessProbe"]["httpGet"]["path"] == "/health"


SLO, SCALING = {"slo": {"ttftMilliseconds": 5000}}, {"scaling": {"maxReplicas": 2}}


@pytest.mark.parametrize("spec", [SLO, SCALING, {**SLO, **SCALING}])
def test_an_engine_whose_metrics_want_the_key_is_not_measured(spec: dict[str, Any]) -> None:
    found, _, message = verdict("llama.cpp", quantization="GGUF", source="s3://models/qwen3-8b.gguf", **spec)
    assert found == "Impossible"
    assert "llama.cpp wants the API key for its metrics too" in message
    assert verdict("llama.cpp", quantization="GGUF", source="s3://models/qwen3-8b.gguf")[0] == "Fits"
    assert verdict("vLLM", **spec)[0] == "Fits"


def test_an_engine_that_checks_no_key_is_refused_and_never_chosen() -> None:
    ascend = {"chip": "910b-64g", "model": "YiZhao-12B-Chat", "quantization": "BF16"}
    found, _, message = verdict("MindIE", **ascend)
    assert found == "Impossible"
    assert "MindIE checks no API key; use another engine" in message
    assert verdict(None, **{**ascend, "apiKey": None})[:2] == ("Fits", "MindIE")
    assert verdict(None, **ascend)[1] != "MindIE"

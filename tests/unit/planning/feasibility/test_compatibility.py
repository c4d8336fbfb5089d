"""Which engine is chosen, and the words for every "no"."""

from __future__ import annotations

import pytest

from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.profiles import EngineProfileSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.compatibility import CHECKS, ModelWeights, PoolHardware, choose_engine
from modelmatrix.planning.feasibility.verdict import Rejection, Verdict


def choose(  # noqa: PLR0913 - one parameter a fact
    model: str,
    quantization: str,
    chip: str,
    *,
    engine: str | None = None,
    scheme: Scheme = Scheme.PVC,
    allow: bool = False,
    images: tuple[str, ...] = (),
    catalogue: Catalogue | None = None,
) -> Engine | Rejection:
    """The engine for a model on a chip."""
    known = (catalogue or builtin()).model(model)
    assert known is not None
    return choose_engine(
        catalogue or builtin(),
        ModelWeights(known.facts, Quantization(quantization), scheme),
        PoolHardware(builtin().accelerators[chip], frozenset(images)),
        requested=engine,
        unlisted=UnlistedPolicy.ALLOW if allow else UnlistedPolicy.REFUSE,
    )


def refusal(model: str, quantization: str, chip: str, **options: object) -> Rejection:
    """A choice that must fail."""
    chosen = choose(model, quantization, chip, **options)  # type: ignore[arg-type]
    assert isinstance(chosen, Rejection)
    return chosen


@pytest.mark.parametrize(
    ("model", "quantization", "chip", "name"),
    [
        ("Qwen3-32B", "BF16", "h20-96g", "vLLM"),
        ("Qwen3-32B", "W8A8", "910b-64g", "vLLM-Ascend"),
        ("Qwen3-32B", "W8A8SC", "310p3-duo-48g", "vLLM-Ascend"),
        ("Qwen3-32B", "W4A8", "h20-96g", "SGLang"),
        ("bge-m3", "FP16", "h20-96g", "vLLM"),
        ("Qwen3-32B", "GGUF", "b200-180g", "llama.cpp"),
        ("YiZhao-12B", "BF16", "910b-64g", "MindIE"),
    ],
)
def test_the_preferred_engine_that_can_is_chosen(model: str, quantization: str, chip: str, name: str) -> None:
    chosen = choose(model, quantization, chip)
    assert isinstance(chosen, Engine)
    assert chosen.name == name


@pytest.mark.parametrize("name", ["sglang", "SGLang"])
def test_a_wanted_engine_is_used_in_any_case(name: str) -> None:
    chosen = choose("Qwen3-32B", "BF16", "h20-96g", engine=name)
    assert isinstance(chosen, Engine)
    assert chosen.name == "SGLang"


@pytest.mark.parametrize(
    ("model", "quantization", "chip", "options", "reason", "words"),
    [
        ("Qwen3-32B", "BF16", "h20-96g", {"engine": "Ollama"}, Reason.ENGINE_UNSUPPORTED, "known are MindIE, SGLang, TEI"),
        ("Qwen3-32B", "BF16", "910b-64g", {"engine": "vLLM"}, Reason.ENGINE_UNSUPPORTED, "use vLLM-Ascend, SGLang, MindIE"),
        ("bge-m3", "FP16", "910b-64g", {"engine": "MindIE"}, Reason.ENGINE_UNSUPPORTED, "does not serve models of task Embed"),
        ("Qwen3-32B", "FP8", "910b-64g", {}, Reason.QUANTIZATION_UNSUPPORTED, "use W8A8: a ModelSlim W8A8 artifact"),
        ("Qwen3-32B", "FP8", "a100-80g", {"engine": "SGLang"}, Reason.QUANTIZATION_UNSUPPORTED, "use engine vLLM, or W8A8"),
        (
            "YiZhao-12B",
            "BF16",
            "910b-64g",
            {"scheme": Scheme.HUGGING_FACE, "engine": "MindIE"},
            Reason.SOURCE_INVALID,
            "use s3://, obs://, oci://, pvc://",
        ),
    ],
)
def test_refusals_say_what_to_use(
    model: str, quantization: str, chip: str, options: dict[str, object], reason: Reason, words: str
) -> None:
    refused = refusal(model, quantization, chip, **options)
    assert refused.verdict is Verdict.IMPOSSIBLE
    assert refused.reason is reason
    assert words in refused.message


def test_an_architecture_that_no_engine_lists_is_unlisted_and_a_listed_model_is_named() -> None:
    refused = refusal("deepseek-vl2", "BF16", "910b-64g")
    assert (refused.verdict, refused.reason, refused.engine) == (Verdict.UNLISTED, Reason.UNLISTED, "vLLM-Ascend")
    assert "does not list DeepseekVLV2ForCausalLM on 910b-64g" in refused.message
    assert "a listed model such as Qwen/" in refused.message
    assert refused.message.endswith("or set unlisted: Allow to try")


def test_an_architecture_that_another_engine_lists_names_that_engine() -> None:
    refused = refusal("YiZhao-12B", "BF16", "910b-64g", engine="vLLM-Ascend")
    assert "use engine MindIE" in refused.message


def test_a_model_of_a_kind_that_nothing_serves_there_is_sent_to_another_pool() -> None:
    refused = refusal("Qwen2.5-VL-72B", "FP16", "310p3-duo-48g", engine="vLLM-Ascend")
    assert refused.verdict is Verdict.UNLISTED
    assert "use another pool" in refused.message


def test_leave_to_try_takes_the_first_unlisted_engine() -> None:
    chosen = choose("deepseek-vl2", "BF16", "910b-64g", allow=True)
    assert isinstance(chosen, Engine)
    assert chosen.name == "vLLM-Ascend"


def test_a_banks_engine_runs_only_where_it_is_named() -> None:
    images = [{"accelerator": "ascend-910b", "image": "registry.bank.local/vllm-ascend:1"}]
    spec = {"base": "vLLM-Ascend", "images": images, "supportsArchitectures": ["DeepseekVLV2ForCausalLM"]}
    own = builtin().extended({}, {"bank-vllm": EngineProfileSpec.model_validate(spec)})
    assert isinstance(choose("deepseek-vl2", "BF16", "910b-64g", catalogue=own), Rejection)
    chosen = choose("deepseek-vl2", "BF16", "910b-64g", engine="bank-vllm", catalogue=own)
    assert isinstance(chosen, Engine)
    assert chosen.name == "bank-vllm"
    elsewhere = choose("deepseek-vl2", "BF16", "a3-die-64g", engine="bank-vllm", catalogue=own)
    assert isinstance(elsewhere, Rejection)
    assert "no bank-vllm image is published for a3-die-64g" in elsewhere.message


def test_an_engine_without_a_way_out_ends_its_sentence() -> None:
    for quantization in Quantization:
        for chip in ("910b-64g", "h20-96g", "910a-32g", "950pr-128g"):
            chosen = choose("Qwen3-8B", quantization, chip)
            if isinstance(chosen, Rejection):
                assert not chosen.message.endswith((" ", ";", ",")), chosen.message


def test_leave_to_try_waives_nothing_but_the_list() -> None:
    """Whatever an engine does not list, it still needs an image, and weights from where it can take them."""
    for name, engine in builtin().engines.items():
        for chip in builtin().accelerators.values():
            for quantization in Quantization:
                for scheme in (Scheme.PVC, Scheme.HUGGING_FACE):
                    chosen = choose("Qwen3-8B", quantization, chip.id, engine=name, scheme=scheme, allow=True)
                    able = engine.image_for(chip) is not None and scheme in engine.schemes
                    assert isinstance(chosen, Rejection) or able, f"{name} {chip.id} {quantization} {scheme}"


def test_what_is_unlisted_and_impossible_is_refused_for_what_nobody_can_waive() -> None:
    refused = refusal("Qwen3-32B", "W4A8", "910b-64g", engine="MindIE", scheme=Scheme.HUGGING_FACE)
    assert (refused.verdict, refused.reason) == (Verdict.IMPOSSIBLE, Reason.SOURCE_INVALID)


def test_an_image_of_the_pools_own_is_as_good_as_a_published_one() -> None:
    refused = refusal("Qwen3-8B", "W8A16", "910a-32g", engine="MindIE", allow=True)
    assert refused.message.endswith("use another engine, or give the image by spec.images of the pool or an EngineProfile")
    chosen = choose("Qwen3-8B", "W8A16", "910a-32g", engine="MindIE", allow=True, images=("MindIE",))
    assert isinstance(chosen, Engine)


def test_checks_run_in_the_order_in_which_messages_prefer_them() -> None:
    assert [check.__name__ for check in CHECKS] == [
        "_vendor_is_foreign",
        "_task_is_not_served",
        "_quantization_has_no_kernels",
        "_source_is_not_read",
        "_api_key_is_not_checked",
        "_image_is_missing",
        "_architecture_is_unlisted",
    ]

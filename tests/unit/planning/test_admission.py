"""What a user learns from ``kubectl apply``: the verdict of the planner, before anything is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import NVIDIA, deployment, node, nodes, policy, pool, snapshot
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.admission import (
    NO_OBJECTION,
    WARNING_MAX_LENGTH,
    WARNINGS_MAX,
    review_deployment,
    review_engine_profile,
    review_model_profile,
    review_pool,
    review_tenant_policy,
)
from modelmatrix.planning.plan import plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS, PlanSettings, Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView
from scenarios.world import World, rest

NO_FP8 = (
    "ascend-a: 910b-64g cannot run FP8 weights with vLLM-Ascend: 910B has no FP8; use W8A8: a ModelSlim W8A8 artifact of the "
    "model"
)
PROFILE: dict[str, Any] = {
    "architecture": "Qwen3ForCausalLM",
    "layers": 64,
    "hiddenSize": 5120,
    "vocabularySize": 151936,
    "attentionHeads": 64,
    "keyValueHeads": 8,
    "headDim": 128,
    "parameters": {"total": 32_762_101_760},
    "maxPositionEmbeddings": 40960,
    "defaultMaxModelLen": 32768,
    "nativeQuantization": "BF16",
}


@pytest.fixture
def fleet() -> Snapshot:
    """Two servers of eight 910B and one of eight H20, with nothing on them."""
    servers = (*nodes(2), *nodes(1, pool="nvidia-a", resource=NVIDIA))
    return snapshot(pools=(pool(), pool(name="nvidia-a", accelerator="h20-96g")), nodes=servers)


def with_status(fleet: Snapshot, *views: DeploymentView) -> Snapshot:
    """The fleet with deployments that have the status of a plan, as the operator would have written it."""
    fleet = replace(fleet, deployments=views)
    statuses = plan(fleet).statuses
    return replace(fleet, deployments=tuple(replace(view, status=statuses[view.key]) for view in views))


def test_what_fits_gives_no_warning(fleet: Snapshot) -> None:
    assert review_deployment(deployment(), fleet) == NO_OBJECTION


def test_a_pool_that_cannot_run_it_is_named_with_the_way_out(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(quantization="FP8", pools=("nvidia-a", "ascend-a")), fleet)
    assert verdict.warnings == (NO_FP8,)
    assert verdict.refusal == "", "the other pool can run it"


def test_what_no_pool_can_run_is_refused(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(quantization="FP8"), fleet)
    assert (verdict.warnings, verdict.refusal) == ((NO_FP8,), NO_FP8)
    assert not verdict.is_provisional


def test_warnings_come_in_the_order_of_the_pools(fleet: Snapshot) -> None:
    wide = {"name": "nvidia-a", "parallelism": {"tensor": 3}}
    for pools in ((wide, "ascend-a"), ("ascend-a", wide)):
        first, second = review_deployment(deployment(quantization="FP8", pools=pools), fleet).warnings
        named = [item if isinstance(item, str) else "nvidia-a" for item in pools]
        assert [first.partition(":")[0], second.partition(":")[0]] == named


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pools": ("elsewhere",)}, "AcceleratorPool 'elsewhere' does not exist"),
        ({"model": "Qwen9-900B"}, "describe the model with a ModelProfile"),
    ],
)
def test_what_another_object_may_cure_is_provisional_and_never_refused(
    fleet: Snapshot, fields: dict[str, Any], words: str
) -> None:
    verdict = review_deployment(deployment(**fields), fleet)
    assert words in verdict.warnings[0]
    assert (verdict.is_provisional, verdict.refusal) == (True, "")


def test_a_pool_whose_labels_no_node_has_refuses_nothing(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(), replace(fleet, nodes=nodes(1, pool="other")))
    assert "no node has the labels" in verdict.warnings[0]
    assert verdict.refusal == ""


def test_a_pool_without_nodes_refuses_nothing(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(), replace(fleet, nodes=()))
    assert verdict.warnings[0] == "ascend-a: there are no nodes at all: add nodes"
    assert verdict.refusal == ""


def test_missing_devices_are_counted_and_named_by_pool(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(replicas=9), replace(fleet, nodes=nodes(2, devices=4)))
    short, where = verdict.warnings
    assert short.endswith("of 9 replicas find no devices now and wait for them")
    assert where.startswith("ascend-a: a replica needs ")
    assert verdict.refusal == ""


def test_a_spec_that_cannot_be_read_is_refused(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(spec=None, error="spec.replicas: must be an integer"), fleet)
    assert (verdict.warnings, verdict.refusal) == (("spec.replicas: must be an integer",), "spec.replicas: must be an integer")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scaling": {"minReplicas": 3, "maxReplicas": 2}}, "minReplicas 3 is above maxReplicas 2"),
        (
            {
                "scaling": {
                    "minReplicas": 1,
                    "maxReplicas": 2,
                    "schedule": [
                        {
                            "name": "day",
                            "start": "0 8 * * *",
                            "end": "0 18 31 2 *",
                            "timeZone": "Asia/Shanghai",
                            "minReplicas": 1,
                        }
                    ],
                }
            },
            "day",
        ),
        ({"name": "x" * 41}, "has more than 40 characters"),
    ],
)
def test_contradictions_are_refused(fleet: Snapshot, fields: dict[str, Any], words: str) -> None:
    verdict = review_deployment(deployment(**fields), fleet)
    assert words in verdict.warnings[0]
    assert verdict.refusal == verdict.warnings[0]


def test_a_pool_that_cannot_be_read_refuses_no_deployment(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(), replace(fleet, pools=(pool(spec=None),)))
    assert verdict.warnings[0].startswith("ascend-a: ")
    assert verdict.refusal == ""


def test_who_would_never_wake_is_told_before(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(scaling={"minReplicas": 0, "maxReplicas": 2}), fleet)
    assert verdict.warnings == (
        "nothing wakes it: set minReplicas to 1, add a schedule window with a floor, or set the operator's gateway-query",
    )


@pytest.fixture
def full() -> World:
    """One server whose eight devices hold two replicas of a deployment of low priority."""
    low = deployment(name="low", priority="P3", replicas=2, pools=[{"name": "ascend-a", "parallelism": {"tensor": 4}}])
    world = World(deployments={low.key: low}, pools={"ascend-a": pool()}, nodes={"n0": node()})
    rest(world)
    return world


def test_replicas_that_would_give_way_are_counted(full: World) -> None:
    proposed = deployment(name="high", priority="P0", pools=[{"name": "ascend-a", "parallelism": {"tensor": 8}}])
    assert review_deployment(proposed, full.snapshot()).warnings == ("would displace 2 replicas of bank/low",)
    smaller = deployment(name="high", priority="P0", pools=[{"name": "ascend-a", "parallelism": {"tensor": 4}}])
    assert review_deployment(smaller, full.snapshot()).warnings == ("would displace 1 replica of bank/low",)


@pytest.mark.parametrize(
    "fields",
    [
        {"quantization": "FP8"},
        {"priority": "P0", "replicas": 9},
        {"priority": "P0", "pools": ({"name": "ascend-a", "parallelism": {"tensor": 8}}, "elsewhere")},
        {"priority": "P3", "replicas": 3},
    ],
)
def test_the_verdict_is_what_the_statuses_report_later(full: World, fields: dict[str, Any]) -> None:
    proposed = deployment(name="new", **fields)
    warnings = set(review_deployment(proposed, full.snapshot()).warnings)
    full.deployments[proposed.key] = proposed
    statuses = full.plan().statuses
    candidates = statuses[proposed.key]["candidates"]
    later = {f"{item['pool']}: {item['message']}" for item in candidates if item["verdict"] != "Fits"}
    lost = sum(item["replicas"] for status in statuses.values() for item in status.get("displacedBy", ()))
    assert {warning for warning in warnings if warning.partition(":")[0] in ("ascend-a", "elsewhere")} == later
    assert any(warning.startswith(f"would displace {lost} ") for warning in warnings) == bool(lost)


def test_reviews_keep_what_the_planner_remembers_of_the_fleet_and_nothing_of_proposals(full: World) -> None:
    cache = PlanCache()
    plan(full.snapshot(), cache)
    templates = len(cache.rendering.templates)
    for number in range(5):
        review_deployment(deployment(name=f"new{number}"), full.snapshot(), cache)
    assert len(cache.rendering.templates) == templates
    assert len(cache.feasibility.assessments) <= len(full.deployments) + 2, "the last two proposals at most"


def test_what_is_being_deleted_gets_no_verdict(fleet: Snapshot) -> None:
    assert review_deployment(deployment(quantization="FP8", deleting=True), fleet) == NO_OBJECTION


def test_an_equal_priority_displaces_nothing(full: World) -> None:
    verdict = review_deployment(deployment(name="equal", priority="P3"), full.snapshot())
    assert not any("displace" in warning for warning in verdict.warnings)


def test_replicas_that_give_way_already_are_not_counted_again(full: World) -> None:
    high = deployment(name="high", priority="P0", pools=[{"name": "ascend-a", "parallelism": {"tensor": 4}}])
    full.deployments[high.key] = high
    full.apply(full.plan())
    assert any(view.status.get("displacedBy") for view in full.deployments.values())
    changed = replace(high, spec=high.spec and high.spec.model_copy(update={"tenant": "retail"}))
    assert review_deployment(changed, full.snapshot()).warnings == ()


def test_an_update_takes_the_place_of_the_stored_object(full: World) -> None:
    (low,) = full.deployments.values()
    changed = deployment(name="low", priority="P3", replicas=2, pools=[{"name": "ascend-a", "parallelism": {"tensor": 4}}])
    assert review_deployment(replace(changed, status=low.status), full.snapshot()).warnings == ()


def test_a_proposal_leaves_nothing_behind_in_the_memory_of_the_planner(full: World) -> None:
    """A dry run has the UID and the generation that the next real change will have."""
    (low,) = full.deployments.values()
    assert low.spec is not None
    tried = replace(low, generation=2, spec=low.spec.model_copy(update={"max_model_len": 2048}))
    applied = replace(low, generation=2, spec=low.spec.model_copy(update={"max_model_len": 4096}))
    cache = PlanCache()
    review_deployment(tried, full.snapshot(), cache)
    actions = plan(replace(full.snapshot(), deployments=(applied,)), cache).actions
    assert "4096" in str(actions)
    assert "2048" not in str(actions)


def test_a_pool_reports_its_problems(fleet: Snapshot) -> None:
    assert review_pool(pool(name="new"), fleet).warnings == (
        "no node has the labels modelmatrix.io/pool=new: label the nodes or correct nodeSelector",
    )
    unknown = review_pool(pool(name="new", accelerator="910z"), fleet).warnings[0]
    assert unknown.startswith("accelerator '910z' is unknown; known are ")
    assert review_pool(pool(), fleet) == NO_OBJECTION


def test_a_pool_that_cannot_be_read_is_refused(fleet: Snapshot) -> None:
    assert review_pool(pool(spec=None), fleet).refusal == "spec: junk"


def test_a_pool_that_leaves_pod_security_says_so(fleet: Snapshot) -> None:
    assert review_pool(pool(hostNetwork=True), fleet).warnings == ("hostNetwork: pods do not meet Pod Security restricted",)


def test_deployments_that_lose_their_last_pool_are_named(fleet: Snapshot) -> None:
    both = deployment(name="both", quantization="W8A8", pools=("ascend-a", "nvidia-a"))
    fleet = with_status(fleet, deployment(), both, deployment(name="hopeless", quantization="FP8"))
    warnings = review_pool(pool(accelerator="310p-48g"), fleet).warnings
    named = [warning for warning in warnings if "could run on none of its pools any more" in warning]
    assert [warning.partition(" ")[0] for warning in named] == ["bank/assistant"]
    assert ". ascend-a: " in named[0]


def test_a_model_profile_that_takes_a_deployments_pool_away(fleet: Snapshot) -> None:
    fleet = with_status(fleet, deployment())
    small = ModelProfileSpec.model_validate(PROFILE)
    assert review_model_profile("Qwen3-32B", small, fleet) == NO_OBJECTION
    huge = ModelProfileSpec.model_validate(PROFILE | {"layers": 500, "parameters": {"total": 9_000_000_000_000}})
    warning, *_ = review_model_profile("Qwen3-32B", huge, fleet).warnings
    assert warning.startswith("bank/assistant could run on none of its pools any more. ascend-a: ")


def test_an_engine_profile_needs_a_base(fleet: Snapshot) -> None:
    spec = EngineProfileSpec.model_validate({"base": "vLLM", "images": [{"accelerator": "Hopper", "image": "bank/vllm:1"}]})
    assert review_engine_profile("bank-vllm", spec, fleet) == NO_OBJECTION
    (warning,) = review_engine_profile("bank-vllm", spec.model_copy(update={"base": "VLM"}), fleet).warnings
    assert warning.startswith("spec.base 'VLM' is not an engine of the catalogue; known are ")


def test_warnings_are_short_printable_and_few(fleet: Snapshot) -> None:
    pools = [f"p{index}-{'x' * 40}" for index in range(16)]
    verdict = review_deployment(deployment(pools=pools), fleet)
    assert len(verdict.warnings) == WARNINGS_MAX
    assert verdict.warnings[-1] == "5 more warnings; see the status of the object"
    unreadable = review_deployment(deployment(spec=None, error="bad\nvalue \x00" + "word " * 200), fleet)
    assert len(unreadable.warnings) == 2
    assert all(len(warning) <= WARNING_MAX_LENGTH and warning.isprintable() for warning in unreadable.warnings)
    assert unreadable.warnings[-1].endswith(" ...")


def test_equal_warnings_come_once(fleet: Snapshot) -> None:
    users = [deployment(name=f"d{index}", quantization="FP8") for index in range(2)]
    assert all(review_deployment(view, fleet).warnings == (NO_FP8,) for view in users)
    assert Reason.QUANTIZATION_UNSUPPORTED.value not in NO_FP8


SAFE = PlanSettings(tenancy=SAFE_DEFAULTS)


def test_a_priority_above_what_the_namespace_may_use_is_a_warning_and_no_refusal(fleet: Snapshot) -> None:
    verdict = review_deployment(deployment(priority="P0"), replace(fleet, settings=SAFE))
    assert " ".join(verdict.warnings).startswith("spec.priority P0 counts as P2")
    assert verdict.refusal == ""


def test_what_no_policy_allows_is_refused_and_looked_at_again(fleet: Snapshot) -> None:
    denied = replace(fleet, tenant_policies=(policy(name="branches", sources=["oci://registry.bank.local/"]),))
    verdict = review_deployment(deployment(source="hf://attacker/repository@main"), denied)
    assert verdict.refusal.startswith("ascend-a: source hf://attacker/repository@main: TenantPolicy branches allows")
    assert verdict.is_provisional, "the policy that allows it may be on its way"


def test_who_would_be_displaced_is_named_within_a_tenant_only(full: World) -> None:
    proposed = deployment(namespace="desk", priority="P0", pools=[{"name": "ascend-a", "parallelism": {"tensor": 8}}])
    assert review_deployment(proposed, full.snapshot()).warnings == ("would displace 2 replicas of bank/low",)
    full.policies["desk"] = policy(name="desk", namespaces=["desk"])
    hidden = review_deployment(proposed, full.snapshot()).warnings
    assert hidden == ("would displace 2 replicas of a deployment of another tenant",)


def test_a_quota_is_a_warning_with_the_number_that_is_missing(fleet: Snapshot) -> None:
    limited = replace(fleet, tenant_policies=(policy(name="unit", devices=[{"max": 1}]),))
    verdict = review_deployment(deployment(replicas=3), limited)
    assert verdict.warnings[0] == "2 of 3 replicas find no devices now and wait for them"
    assert "TenantPolicy unit allows 1 device and fewer are left" in verdict.warnings[1]


def test_a_policy_is_told_what_it_does_to_deployments_that_exist(fleet: Snapshot) -> None:
    state = with_status(fleet, deployment(priority="P0"), deployment(name="other", namespace="desk"))
    verdict = review_tenant_policy(
        policy(name="tight", highestPriority="P3", models=["glm*"], namespaces=["desk", "bank"]), state
    )
    text = " ".join(verdict.warnings)
    assert "bank/assistant could run on none of its pools any more. ascend-a: model Qwen/Qwen3-32B: TenantPolicy tight" in text
    assert "desk/other could run on none of its pools any more." in text
    assert "bank/assistant: spec.priority P0 counts as P3" in text
    assert verdict.refusal == ""
    assert review_tenant_policy(policy(highestPriority="P0"), state) == NO_OBJECTION


def test_a_policys_mistakes_and_a_spec_that_cannot_be_read(fleet: Snapshot) -> None:
    assert "no AcceleratorPool is named nowhere" in review_tenant_policy(policy(pools=["nowhere"]), fleet).warnings[0]
    assert review_tenant_policy(policy(spec=None), fleet).refusal == "spec: junk"

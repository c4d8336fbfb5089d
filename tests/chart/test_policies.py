"""The admission policies as Helm renders them; `e2e/tests/matrix/test_policies.py` has the API server judge by them."""

from __future__ import annotations

import pytest
import yaml

from charts import CHART, Manifest, environment, of_kind, render
from localcluster.build.programs import Programs
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.names import PRIORITY_CLASS_PREFIX
from modelmatrix.catalogue.loader import builtin

pytestmark = pytest.mark.cluster

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


def policies(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Policies by name."""
    return {item["metadata"]["name"]: item for item in of_kind(manifests, POLICY)}


def test_each_policy_is_bound_and_denies(programs: Programs) -> None:
    manifests = render(programs)
    bound = {item["spec"]["policyName"]: item["spec"]["validationActions"] for item in of_kind(manifests, BINDING)}
    assert bound == {key: ["Deny"] for key in policies(manifests)}


def test_a_policy_that_fails_closed_concerns_the_operator_or_its_classes_only(programs: Programs) -> None:
    user = "request.userInfo.username == 'system:serviceaccount:modelmatrix-system:robot'"
    for name, policy in policies(render(programs, "serviceAccount.name=robot")).items():
        condition = policy["spec"]["matchConditions"][0]["expression"]
        assert policy["spec"]["failurePolicy"] == "Fail"
        if "-operator-" in name:
            assert condition == user
        else:
            assert all(f'"{PRIORITY_CLASS_PREFIX}{priority.lower()}"' in condition for priority in Priority)


@pytest.mark.parametrize(("off", "left"), [("operator", "classes"), ("priorityClasses", "operator")])
def test_each_part_can_be_switched_off(programs: Programs, off: str, left: str) -> None:
    manifests = render(programs, f"policies.{off}.enabled=false")
    names = {*policies(manifests), *(item["metadata"]["name"] for item in of_kind(manifests, BINDING))}
    assert names
    assert all(name.startswith(f"modelmatrix-{left}-") for name in names)


def test_the_default_paths_are_those_of_the_catalogue() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    allowed = values["policies"]["operator"]["hostPaths"]
    mounted = {mount.path for chip in builtin().accelerators.values() for mount in chip.driver_mounts}
    covers = {entry["path"]: {path for path in mounted if f"{path}/".startswith(f"{entry['path']}/")} for entry in allowed}
    assert set().union(*covers.values()) == mounted
    assert all(covers.values()), "a path that no chip needs"
    assert all(entry["readOnly"] for entry in allowed)


def test_further_paths_are_read_or_written(programs: Programs) -> None:
    entries = [("path=/data", "readOnly=true"), ("path=/scratch", "readOnly=false")]
    values = [f"policies.operator.hostPaths[{index}].{part}" for index, entry in enumerate(entries) for part in entry]
    policy = policies(render(programs, *values))["modelmatrix-operator-deployments"]
    (paths,) = (rule["expression"] for rule in policy["spec"]["validations"] if "hostPath.path" in rule["expression"])
    assert '["/scratch/"].exists(' in paths
    assert '["/data/","/scratch/"].exists(' in paths


def test_engines_are_closed_by_default_and_as_values_say(programs: Programs) -> None:
    on, off = environment(render(programs)), environment(render(programs, "engines.networkPolicy.enabled=false"))
    assert (on["MODELMATRIX_ENGINE_NETWORK_POLICY"], on["MODELMATRIX_ENGINE_OPEN_PORTS"]) == ("true", "")
    assert off["MODELMATRIX_ENGINE_NETWORK_POLICY"] == "false"
    opened = environment(render(programs, "engines.networkPolicy.openPorts={15008,15090}"))
    assert opened["MODELMATRIX_ENGINE_OPEN_PORTS"] == "15008,15090"

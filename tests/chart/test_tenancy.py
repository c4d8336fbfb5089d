"""What the chart says of tenants: safe defaults, and the API server's own check where it is switched on."""

from __future__ import annotations

import pytest

from charts import Manifest, environment, of_kind, render
from localcluster import LocalClusterError
from localcluster.build.programs import Programs
from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS

pytestmark = pytest.mark.cluster

CHECKS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
PREFIX = "MODELMATRIX_TENANCY_"


def test_the_defaults_are_those_of_the_operator(programs: Programs) -> None:
    found = environment(render(programs))
    assert found[PREFIX + "HIGHEST_PRIORITY"] == SAFE_DEFAULTS.highest_priority == "P2"
    assert found[PREFIX + "CUSTOM_CODE"] == SAFE_DEFAULTS.custom_code == "Refuse"
    assert found[PREFIX + "SECRET_NAMES"] == ",".join(SAFE_DEFAULTS.secret_names) == "weights-*,api-key-*"


def test_values_reach_the_operator(programs: Programs) -> None:
    values = ("tenancy.highestPriority=P0", "tenancy.customCode=Allow", "tenancy.secretNames={hub,reader-*}")
    found = environment(render(programs, *values))
    assert [found[PREFIX + name] for name in ("HIGHEST_PRIORITY", "CUSTOM_CODE", "SECRET_NAMES")] == [
        "P0",
        "Allow",
        "hub,reader-*",
    ]


def test_an_empty_list_of_secrets_is_none_and_not_the_default(programs: Programs) -> None:
    assert environment(render(programs, "tenancy.secretNames=null"))[PREFIX + "SECRET_NAMES"] == "-"


@pytest.mark.parametrize("value", ["tenancy.highestPriority=P9", "tenancy.customCode=Maybe", "tenancy.admission=Audit"])
def test_other_words_are_refused(programs: Programs, value: str) -> None:
    with pytest.raises(LocalClusterError, match=value.partition("=")[0].partition(".")[2]):
        render(programs, value)


def of_tenancy(programs: Programs, mode: str) -> list[Manifest]:
    found = [item for kind in CHECKS for item in of_kind(render(programs, f"tenancy.admission={mode}"), kind)]
    return [item for item in found if "tenancy" in item["metadata"]["name"]]


def test_the_api_servers_own_check_is_there_when_it_is_asked_for(programs: Programs) -> None:
    assert of_tenancy(programs, "Off") == of_tenancy(programs, "false") == []
    for mode in ("Warn", "Deny"):
        check, binding = of_tenancy(programs, mode)
        assert check["spec"]["paramKind"]["kind"] == "TenantPolicy"
        assert binding["spec"]["policyName"] == check["metadata"]["name"]
        assert binding["spec"]["validationActions"] == [mode]
        assert binding["spec"]["paramRef"] == {"selector": {}, "parameterNotFoundAction": "Allow"}

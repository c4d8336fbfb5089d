"""Groups that may open the device files of a node."""

from __future__ import annotations

from typing import Any

import pytest

from rendered import Case, pods, workload


@pytest.mark.parametrize(
    ("fields", "groups"), [({}, None), ({"supplementalGroups": []}, None), ({"supplementalGroups": [1000, 44]}, [1000, 44])]
)
def test_every_pod_of_a_replica_has_the_pools_groups(fields: dict[str, Any], groups: list[int] | None) -> None:
    case = Case("groups", "910b-64g", "DeepSeek-R1", "W8A8", nodes=2, pool=fields)
    for pod in pods(workload(case)):
        assert pod["spec"]["securityContext"].get("supplementalGroups") == groups

"""Paths of the node in a pod: the driver of each chip, and the pool's own."""

from __future__ import annotations

from typing import Any

import pytest

from factories import pool
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.inventory.collect import pool_states
from modelmatrix.planning.snapshot.snapshot import Snapshot
from rendered import Case, leader, pods, workload

A2_MOUNTS = {
    "/usr/local/dcmi",
    "/usr/local/bin/npu-smi",
    "/usr/local/Ascend/driver/lib64",
    "/usr/local/Ascend/driver/version.info",
    "/etc/ascend_install.info",
}
GROUP_MOUNTS = {"/usr/local/Ascend/driver/tools/hccn_tool", "/etc/hccn.conf"}


def host_paths(case: Case) -> set[str]:
    spec = next(pods(workload(case)))["spec"]
    mounted = {mount["mountPath"]: mount["name"] for mount in leader(workload(case))["volumeMounts"]}
    found = {volume["hostPath"]["path"]: volume["name"] for volume in spec["volumes"] if "hostPath" in volume}
    assert set(found.values()) <= set(mounted.values())
    return set(found)


def case(chip: str, model: str = "Qwen3-32B", quantization: str = "W8A8", nodes: int = 1, **fields: Any) -> Case:
    return Case("host", chip, model, quantization, nodes=nodes, pool=fields)


@pytest.mark.parametrize("chip", ["910b-64g", "a3-die-64g", "310p3-duo-48g", "h20-96g"])
def test_by_default_the_device_runtime_brings_the_driver(chip: str) -> None:
    assert host_paths(case(chip)) == set()


@pytest.mark.parametrize("chip", ["910b-64g", "a3-die-64g", "310p3-duo-48g"])
def test_the_driver_of_the_host_is_mounted_for_its_soc(chip: str) -> None:
    assert host_paths(case(chip, driver="Host")) == A2_MOUNTS


def test_a_group_needs_the_network_of_the_devices_too() -> None:
    assert host_paths(case("910b-64g", "DeepSeek-R1", nodes=2, driver="Host")) == A2_MOUNTS | GROUP_MOUNTS


def test_nvidia_has_no_driver_to_mount() -> None:
    assert host_paths(case("h20-96g", driver="Host")) == set()


def test_the_pools_own_paths_are_added_and_win() -> None:
    own = [{"hostPath": "/etc/hccn.conf"}, {"hostPath": "/usr/local/dcmi", "mountPath": "/opt/dcmi", "readOnly": False}]
    wanted = case("910b-64g", driver="Host", hostMounts=own)
    assert host_paths(wanted) == A2_MOUNTS | {"/etc/hccn.conf"}
    mounts = {
        mount["mountPath"]: mount["readOnly"] for mount in leader(workload(wanted))["volumeMounts"] if "host-" in mount["name"]
    }
    assert mounts["/opt/dcmi"] is False
    assert mounts["/etc/hccn.conf"] is True


@pytest.mark.parametrize(
    "chip", [chip for chip in builtin().accelerators.values() if chip.vendor == "huawei"], ids=lambda c: c.id
)
def test_every_ascend_chip_names_the_paths_of_its_driver(chip: Any) -> None:
    assert {item.path for item in chip.driver_mounts} >= A2_MOUNTS


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"driver": "Host"}, "driver: Host"),
        ({"hostNetwork": True, "hostMounts": [{"hostPath": "/a"}]}, "hostNetwork and hostMounts"),
    ],
)
def test_a_pool_says_what_takes_its_pods_out_of_restricted(fields: dict[str, Any], words: str) -> None:
    state = pool_states(Snapshot(now_seconds=0.0, catalogue=builtin(), pools=(pool(**fields),)))
    assert state["ascend-a"].relaxed == words

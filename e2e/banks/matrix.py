"""Reads the matrix data: institutions with pools and rows, and their terms in the operator's API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parents[2] / "manifests" / "banks" / "matrices.yaml"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerAccelerator:
    """An accelerator of the matrix in the operator's terms; CPU, memory, price and labels of its servers are assumed."""

    accelerator: str
    resource: str
    architecture: str
    cpu: int
    memory: str
    price: str
    labels: dict[str, str]
    tainted: bool = False


_ASCEND = {"accelerator": "huawei-Ascend910", "host-arch": "huawei-arm"}
ACCELERATORS = {
    "ascend-910b": ServerAccelerator(
        "910b-64g",
        "huawei.com/Ascend910",
        "arm64",
        192,
        "1536Gi",
        "6.80",
        {**_ASCEND, "accelerator-type": "module-910b-8", "node.kubernetes.io/npu.chip.name": "910B3"},
    ),
    "ascend-910c": ServerAccelerator(
        "a3-die-64g",
        "huawei.com/Ascend910",
        "arm64",
        320,
        "2048Gi",
        "7.90",
        {**_ASCEND, "accelerator-type": "module-a3-16", "node.kubernetes.io/npu.chip.name": "Ascend910"},
    ),
    "ascend-310p": ServerAccelerator(
        "310p3-duo-48g",
        "huawei.com/Ascend310P",
        "arm64",
        128,
        "512Gi",
        "1.10",
        {
            "accelerator": "huawei-Ascend310P",
            "host-arch": "huawei-arm",
            "infer-card-type": "card-300i-duo",
            "node.kubernetes.io/npu.chip.name": "310P3",
        },
    ),
    "nvidia-a800": ServerAccelerator(
        "a800-80g",
        "nvidia.com/gpu",
        "amd64",
        128,
        "1024Gi",
        "9.60",
        {"nvidia.com/gpu.product": "NVIDIA-A800-SXM4-80GB", "nvidia.com/gpu.memory": "81920", "nvidia.com/gpu.count": "8"},
        tainted=True,
    ),
    "nvidia-h20": ServerAccelerator(
        "h20-96g",
        "nvidia.com/gpu",
        "amd64",
        192,
        "2048Gi",
        "11.50",
        {"nvidia.com/gpu.product": "NVIDIA-H20", "nvidia.com/gpu.memory": "97871", "nvidia.com/gpu.count": "8"},
        tainted=True,
    ),
    "nvidia-l20": ServerAccelerator(
        "l20-48g",
        "nvidia.com/gpu",
        "amd64",
        128,
        "1024Gi",
        "4.20",
        {"nvidia.com/gpu.product": "NVIDIA-L20", "nvidia.com/gpu.memory": "46068", "nvidia.com/gpu.count": "8"},
        tainted=True,
    ),
}
QUANTIZATIONS = {"W8A8-INT8": "W8A8", "INT8": "W8A8"}


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution of the data, with its pools and the rows of its matrix."""

    id: str
    name: str
    policy: str
    pools: tuple[dict[str, Any], ...]
    rows: tuple[Row, ...]

    @property
    def served_rows(self) -> tuple[Row, ...]:
        """The rows with replicas of their own, i.e. those that no other row serves."""
        return tuple(row for row in self.rows if "servedBy" not in row)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All institutions, and the profiles that their rows reference."""

    institutions: tuple[Institution, ...]
    profiles: dict[str, dict[str, Any]]
    devices_per_node: dict[str, int]


def read_matrix(path: Path = DATA) -> Matrix:
    """Read the data file; institutions without rows are left out."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    institutions = tuple(
        Institution(
            item["id"],
            item["nameEn"],
            item.get("placementPolicy", "any"),
            tuple(item.get("pools", ())),
            tuple(item.get("rows", ())),
        )
        for item in data["institutions"]
        if item.get("rows")
    )
    devices_per_node = {name: item["devicesPerNode"] for name, item in data["accelerators"].items()}
    return Matrix(institutions, data["profiles"], devices_per_node)


def model_name(text: str) -> str:
    """The model of a row, without the remarks that the data adds to its name."""
    for mark in (" (", " / ", " 671B"):
        text = text.partition(mark)[0]
    return text.strip()


def quantization_of(row: Row) -> str:
    """A row's quantization in the operator's terms."""
    text: str = row["quantization"]
    return QUANTIZATIONS.get(text, text)

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from modelmatrix.cli.main import main

POOL = {"accelerator": "h100-80g", "resourceName": "nvidia.com/gpu", "nodeSelector": {"pool": "a"}}
MODEL = {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"}
SLO = {"ttftMilliseconds": 2000, "tpotMilliseconds": 50}
SCALING = {"minReplicas": 1, "maxReplicas": 8}
HOUR = 3600


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def chat(name: str = "chat", **spec: Any) -> dict[str, Any]:
    whole = {"model": MODEL, "quantization": "FP8", "pools": [{"name": "a"}], "scaling": SCALING, "slo": SLO}
    return manifest("ModelDeployment", name, {**whole, **spec})


def run(tmp_path: Path, trace: str, *arguments: str, items: list[dict[str, Any]] | None = None) -> Result:
    """Simulate on a trace of this text."""
    file, arrivals = tmp_path / "model.yaml", tmp_path / "trace.csv"
    file.write_text(yaml.safe_dump_all(items or [manifest("AcceleratorPool", "a", POOL), chat()]), encoding="utf-8")
    arrivals.write_text(trace, encoding="utf-8")
    return CliRunner().invoke(main, ["simulate", "-f", str(file), "--arrivals", str(arrivals), *arguments])


def simulated(tmp_path: Path, trace: str, *arguments: str, items: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    result = run(tmp_path, trace, *arguments, "-o", "json", items=items)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def counts(*rates: float, step: int = 60) -> str:
    """Half an hour of each rate, as counts."""
    rows = [(index, rate) for index, rate in enumerate(rate for rate in rates for _ in range(30))]
    return "second,requests\n" + "".join(f"{index * step},{round(rate * step)}\n" for index, rate in rows)


def test_the_document_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    found = simulated(tmp_path, counts(2.0))
    assert (found["apiVersion"], found["kind"], found["policy"]) == ("modelmatrix.io/v1alpha1", "Simulation", "slo")
    keys = {"attainmentPercent", "acceleratorHours", "meanReplicas", "peakReplicas", "changes", "worstHourAttainmentPercent"}
    assert keys <= found.keys()
    assert set(found["series"][0]) == {"second", "arrivals", "desired", "ready", "devices"}
    steps = {after["second"] - before["second"] for before, after in zip(found["series"], found["series"][1:], strict=False)}
    assert max(steps) <= 60
    assert sum(row["arrivals"] for row in found["series"]) == 2 * HOUR // 2


def test_replicas_follow_the_load_and_keep_the_slo(tmp_path: Path) -> None:
    found = simulated(tmp_path, counts(2.0, 12.0, 1.0), "--start-seconds", "60")
    desired = [row["desired"] for row in found["series"]]
    assert max(desired[30:60]) > desired[25]
    assert desired[-1] < max(desired)
    assert found["attainmentPercent"] > 90
    assert found["acceleratorHours"] < simulated(tmp_path, counts(2.0, 12.0, 1.0), "--policy", "static")["acceleratorHours"]


def test_the_same_twice(tmp_path: Path) -> None:
    assert simulated(tmp_path, counts(2.0, 5.0)) == simulated(tmp_path, counts(2.0, 5.0))


def test_a_trace_of_requests_has_its_own_lengths(tmp_path: Path) -> None:
    trace = "second,input_tokens,output_tokens\n" + "".join(f"{second},{4000},{10}\n" for second in range(600))
    found = simulated(tmp_path, trace)
    assert found["mode"] == "request"
    assert found["attainmentPercent"] > 99


def test_lengths_of_counts_are_given(tmp_path: Path) -> None:
    light = simulated(tmp_path, counts(6.0), "--output-tokens", "20")
    heavy = simulated(tmp_path, counts(6.0), "--output-tokens", "800")
    assert heavy["acceleratorHours"] > light["acceleratorHours"]


def test_many_requests_are_a_fluid(tmp_path: Path) -> None:
    found = simulated(tmp_path, counts(40.0, 40.0), "--output-tokens", "20")
    assert found["mode"] == "fluid"


def test_a_gzipped_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(counts(1.0).encode()))
    file = tmp_path / "model.yaml"
    file.write_text(yaml.safe_dump_all([manifest("AcceleratorPool", "a", POOL), chat()]), encoding="utf-8")
    result = CliRunner().invoke(main, ["simulate", "-f", str(file), "--arrivals", str(path), "-o", "json"])
    assert json.loads(result.stdout)["attainmentPercent"] > 99


def test_a_schedule_is_a_floor_when_it_is_known_what_time_it_is(tmp_path: Path) -> None:
    window = {"name": "day", "start": "20 9 * * *", "end": "50 9 * * *", "timeZone": "Asia/Shanghai", "minReplicas": 4}
    items = [manifest("AcceleratorPool", "a", POOL), chat(scaling={**SCALING, "schedule": [window]})]
    without = simulated(tmp_path, counts(1.0, 1.0), items=items)
    found = simulated(tmp_path, counts(1.0, 1.0), "--at", "2026-11-23T09:00:00+08:00", items=items)
    assert max(row["desired"] for row in without["series"]) < 4
    assert next(row for row in found["series"] if row["second"] == 20 * 60)["ready"] >= 4


def test_a_pool_holds_no_more_than_its_limit(tmp_path: Path) -> None:
    small = {**POOL, "limits": {"devices": 2}}
    found = simulated(tmp_path, counts(30.0), items=[manifest("AcceleratorPool", "a", small), chat()])
    assert max(row["devices"] for row in found["series"]) <= 2


def test_nodes_in_the_files_are_the_nodes_there_are(tmp_path: Path) -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n0", "labels": {"pool": "a"}},
        "status": {"allocatable": {"nvidia.com/gpu": "4"}, "capacity": {"nvidia.com/gpu": "4"}},
    }
    found = simulated(tmp_path, counts(30.0), items=[manifest("AcceleratorPool", "a", POOL), node, chat()])
    assert max(row["devices"] for row in found["series"]) <= 4


def test_the_table_says_whether_the_slo_was_kept(tmp_path: Path) -> None:
    result = run(tmp_path, counts(2.0))
    assert result.exit_code == 0
    assert "the target of 95 % is met" in result.stdout
    assert len(result.stdout.splitlines()) < 40
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


@pytest.mark.parametrize(
    ("trace", "items", "words"),
    [
        ("second,request\n0,1\n60,1\n", None, "the header second,requests"),
        ("second,requests\n0,1\n", None, "at least two rows"),
        ("second,requests\n1700000000,1\n1700000060,1\n", None, "count seconds from the start of the trace"),
        ("second,input_tokens,output_tokens\n0,1,1\n9e9,1,1\n", None, "at most 92 days are simulated"),
        ("second,requests\n0,0\n60,0\n", None, "contains no requests"),
        ("second,input_tokens,output_tokens\n0,many,2\n", None, "many"),
        (counts(1.0), [manifest("AcceleratorPool", "a", POOL)], "there is no ModelDeployment"),
        (counts(1.0), [manifest("AcceleratorPool", "a", POOL), chat("one"), chat("two")], "choose one of one, two"),
        (counts(1.0), [chat()], "AcceleratorPool 'a' does not exist"),
        (
            counts(1.0),
            [manifest("AcceleratorPool", "a", {**POOL, "accelerator": "a800-80g"}), chat(slo={"tpotMilliseconds": 1})],
            "",
        ),
        (counts(1.0), [manifest("AcceleratorPool", "a", POOL), chat(scaling=None, replicas=2)], "spec.scaling and spec.slo"),
    ],
)
def test_what_cannot_be_simulated_is_said_in_one_line(
    tmp_path: Path, trace: str, items: list[dict[str, Any]] | None, words: str
) -> None:
    result = run(tmp_path, trace, items=items)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(yaml.safe_dump_all([manifest("AcceleratorPool", "a", POOL), chat()]), encoding="utf-8")
    result = CliRunner().invoke(main, ["simulate", "-f", str(file), "--arrivals", str(tmp_path / "nowhere.csv")])
    assert (result.exit_code, result.stderr) == (1, f"error: {tmp_path / 'nowhere.csv'}: no such file\n")

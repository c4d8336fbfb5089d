"""The operator's roles hold what it uses, as the audit log of a full life shows, and nothing else."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
import time

import pytest

from apicost.audit import read_requests
from localcluster.testing import eventually
from playground.installation import RELEASE
from playground.testing import OPERATOR, ModelNamespace, NodePool

pytestmark = pytest.mark.cluster

# Rights that a life without mishaps does not need, and what they are for.
SPARE = {
    ("watch", "leases"): "to hear of the Lease at once; a watch is written down when it ends",
    ("get", "deployments"): "to tell whose an object is when a name is taken",
    ("get", "services"): "the same",
    ("get", "leaderworkersets"): "the same",
    ("patch", "services"): "to mend a Service that somebody changed",
    ("get", "networkpolicies"): "the same",
    ("patch", "networkpolicies"): "to mend one that somebody changed",
    ("delete", "networkpolicies"): "to take it away when the setting is off",
    ("patch", "pods"): "to choose which pod goes first, when a certain node must become free",
    ("create", "pods"): "to try out the pod of a replica, as a dry run, before others give way to it",
    ("get", "persistentvolumeclaims"): "the same, for its claim",
    ("patch", "leaderworkersets"): "to scale groups",
    ("delete", "leaderworkersets"): "to retire groups",
    ("create", "leaderworkersets"): "to make groups",
}


def test_every_right_is_used_and_every_request_allowed(bed: ModelNamespace, estate: NodePool) -> None:
    started = time.time()
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    bed.deploy("chat", estate.pool, maxModelLen=4096)
    eventually(lambda: _one_pod_with(bed, "4096"))
    bed.deploy("chat", estate.pool, quantization="BF16", model={"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"})
    eventually(lambda: _one_workload(bed), timeout_seconds=90)

    requests = list(read_requests(bed.cluster.audit_log, 0.0, user=OPERATOR))
    # Before: an API server that has just started knows no roles for a moment.
    assert [request for request in requests if request.code == 403 and request.seconds > started] == []
    used = {(request.verb, request.resource) for request in requests if not request.resource.startswith("/")}
    used |= {("watch", resource) for verb, resource in used if verb == "list"}  # a watch is written down when it ends
    granted = _granted(bed)
    assert used <= granted
    assert granted - used - SPARE.keys() == set()


def _granted(bed: ModelNamespace) -> set[tuple[str, str]]:
    roles = [
        *(json.loads(bed.cluster.kubectl("get", "clusterrole", name, "-o", "json")) for name in (RELEASE, f"{RELEASE}-writer")),
        json.loads(bed.cluster.kubectl("-n", "kube-system", "get", "role", f"{RELEASE}-leader-election", "-o", "json")),
    ]
    return {
        (verb, resource) for role in roles for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }


def _one_pod_with(bed: ModelNamespace, argument: str) -> None:
    pods = bed.pods("chat")
    assert len(pods) == 1
    assert argument in pods[0]["spec"]["containers"][0]["args"]


def _one_workload(bed: ModelNamespace) -> None:
    found = bed.get("deployments", "-l", "modelmatrix.io/deployment=chat")["items"]
    assert [item["metadata"]["labels"]["modelmatrix.io/quantization"] for item in found] == ["BF16"]

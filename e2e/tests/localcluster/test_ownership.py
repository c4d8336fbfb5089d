"""What an API server makes of our writes to objects that we have created: what we drop goes, what others set stays."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from localcluster.testing import deployment
from modelmatrix.api import names
from modelmatrix.cli.inputs.kubeconfig import user_credentials
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.writers.applier import Applier
from modelmatrix.planning.actions.action import Apply, Create
from modelmatrix.planning.rendering.manifest import is_superset
from modelmatrix.planning.snapshot.views import NamespacedName

if TYPE_CHECKING:
    from localcluster.testing import Namespace
    from modelmatrix.planning.actions.action import Action

pytestmark = pytest.mark.cluster

SECRET = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}
CACHE = {"name": "cache", "emptyDir": {}}


def do(namespace: Namespace, *actions: Action) -> None:
    """Carry out actions one after the other, as one operator process does."""

    async def main() -> None:
        credentials, _ = user_credentials(kubeconfig=str(namespace.cluster.kubeconfig), context=None)
        async with ApiClient(credentials) as client:
            applier = Applier(client, time.monotonic, time.time)
            for action in actions:
                applier.submit([action])
                await applier.in_flight.drain()
                assert applier.failures == {}
                assert applier.next_due is None

    asyncio.run(main())


def workload(namespace: Namespace, **pod: object) -> dict[str, Any]:
    """A Deployment that nobody runs."""
    manifest = deployment("chat", replicas=0, **pod)
    manifest["metadata"] |= {"namespace": namespace.name, **({"labels": {"team": "risk"}} if pod else {})}
    template = manifest["spec"]["template"]
    del template["metadata"]["annotations"], template["spec"]["containers"][0]["resources"]  # they are empty
    return manifest


def full(namespace: Namespace) -> dict[str, Any]:
    """The Deployment of a spec that says much."""
    manifest = workload(
        namespace,
        tolerations=[{"key": "npu", "operator": "Exists"}],
        volumes=[CACHE, {"name": "weights", "emptyDir": {}}],
        schedulerName="volcano",
        hostNetwork=True,
    )
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container |= {
        "env": [SECRET, {"name": "MODE", "value": "fast"}],
        "envFrom": [{"secretRef": {"name": "store"}}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}, {"name": "weights", "mountPath": "/weights"}],
    }
    return manifest


def bare(namespace: Namespace) -> dict[str, Any]:
    """The same after an edit that takes much of it away."""
    manifest = workload(namespace)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    pod = manifest["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "weights", "emptyDir": {}}]
    container |= {
        "env": [{"name": "MODE", "value": "slow"}],
        "volumeMounts": [{"name": "weights", "mountPath": "/weights"}],
    }
    return manifest


def apply(namespace: Namespace, manifest: dict[str, Any]) -> Apply:
    uid = namespace.get("deployment", "chat")["metadata"]["uid"]
    return Apply(
        names.DEPLOYMENTS, NamespacedName(namespace.name, "chat"), NamespacedName(namespace.name, "chat"), manifest, uid
    )


def create(namespace: Namespace, manifest: dict[str, Any]) -> Create:
    return Create(names.DEPLOYMENTS, NamespacedName(namespace.name, "chat"), NamespacedName(namespace.name, "chat"), manifest)


def is_bare(stored: dict[str, Any]) -> None:
    pod = stored["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert "tolerations" not in pod
    assert "hostNetwork" not in pod
    assert pod["schedulerName"] == "default-scheduler"
    assert [volume["name"] for volume in pod["volumes"]] == ["weights"]
    assert container["env"] == [{"name": "MODE", "value": "slow"}]
    assert "envFrom" not in container
    assert [mount["name"] for mount in container["volumeMounts"]] == ["weights"]
    assert "labels" not in stored["metadata"]


def test_what_a_create_has_set_goes_with_the_first_apply_that_does_not_wish_it(namespace: Namespace) -> None:
    do(namespace, create(namespace, full(namespace)))
    before = namespace.get("deployment", "chat")

    do(namespace, apply(namespace, bare(namespace)))

    stored = namespace.get("deployment", "chat")
    is_bare(stored)
    assert is_superset(stored, bare(namespace)), "then the planner wants no other write"
    assert stored["metadata"]["generation"] == before["metadata"]["generation"] + 1, "one change, one rollout"
    do(namespace, apply(namespace, bare(namespace)))
    again = namespace.get("deployment", "chat")
    assert again["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


def test_what_was_applied_over_a_create_before_goes_too(namespace: Namespace) -> None:
    """Objects of an operator that did not take its creates over."""
    do(namespace, create(namespace, full(namespace)))

    async def only_apply() -> None:
        credentials, _ = user_credentials(kubeconfig=str(namespace.cluster.kubeconfig), context=None)
        async with ApiClient(credentials) as client:
            await client.apply(names.DEPLOYMENTS, NamespacedName(namespace.name, "chat"), bare(namespace))

    asyncio.run(only_apply())
    assert "tolerations" in namespace.get("deployment", "chat")["spec"]["template"]["spec"]

    do(namespace, apply(namespace, bare(namespace)))

    is_bare(namespace.get("deployment", "chat"))


def test_what_others_have_set_stays(namespace: Namespace) -> None:
    do(namespace, create(namespace, full(namespace)))
    namespace.kubectl("annotate", "deployment", "chat", "bank/audited=yes")
    patch = '[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"THEIRS","value":"x"}}]'
    namespace.kubectl("patch", "deployment", "chat", "--type=json", "-p", patch)

    do(namespace, apply(namespace, bare(namespace)))

    stored = namespace.get("deployment", "chat")
    assert stored["metadata"]["annotations"]["bank/audited"] == "yes"
    (container,) = stored["spec"]["template"]["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["MODE", "THEIRS"]

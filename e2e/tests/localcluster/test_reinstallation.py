"""The chart is uninstalled and installed again somewhere else, by the real helm: models, CRDs and classes are left and used."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localcluster.errors import LocalClusterError
from playground.installation import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

pytestmark = pytest.mark.cluster

HERE, THERE = ("one", "place-one"), ("two", "place-two")
CRD = "modeldeployments.modelmatrix.io"
OWNER = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")


def install(cluster: Cluster, release: tuple[str, str], *flags: str) -> str:
    name, namespace = release
    where = ("--namespace", namespace, "--create-namespace")
    return cluster.helm("upgrade", "--install", name, str(CHART), *where, "--set", "replicas=1", *flags)


def stored(cluster: Cluster, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", kind, name, "-o", "json"))["metadata"]
    return found


def owner(cluster: Cluster, kind: str, name: str) -> tuple[str, ...]:
    annotations = stored(cluster, kind, name)["annotations"]
    return tuple(annotations[key] for key in OWNER)


def names(cluster: Cluster, kind: str) -> set[str]:
    found = cluster.kubectl("get", kind, "-o", "name").split()
    return {name.rpartition("/")[2] for name in found if "modelmatrix" in name}


@pytest.fixture
def left(cluster: Cluster) -> Iterator[str]:
    """The UID of a pool that an uninstalled release has left, with all that it keeps."""
    install(cluster, HERE)
    spec = {"accelerator": "h20-96g", "resourceName": "nvidia.com/gpu", "nodeSelector": {"pool": "nvidia"}}
    pool = {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "AcceleratorPool", "metadata": {"name": "left"}, "spec": spec}
    cluster.kubectl("wait", "crd/acceleratorpools.modelmatrix.io", "--for=condition=Established")
    cluster.apply([pool])
    uid = stored(cluster, "acceleratorpools.modelmatrix.io", "left")["uid"]
    cluster.helm("uninstall", HERE[0], "--namespace", HERE[1])
    yield uid
    for name, namespace in (HERE, THERE):
        cluster.helm("uninstall", name, "--namespace", namespace, "--ignore-not-found")
    cluster.kubectl("delete", "crd", *names(cluster, "crd"))
    cluster.kubectl("delete", "priorityclass", *names(cluster, "priorityclass"))


def test_another_installation_uses_what_was_left_and_leaves_it_too(cluster: Cluster, left: str) -> None:
    before = names(cluster, "crd"), names(cluster, "priorityclass")
    assert len(before[1]) == 4
    assert names(cluster, "validatingadmissionpolicy") == names(cluster, "clusterrole") == set()
    said = install(cluster, THERE)
    assert f"those that the release {HERE[1]}/{HERE[0]} has left" in " ".join(said.split())
    assert "deployed" in install(cluster, THERE), "an upgrade of the same version"
    assert stored(cluster, "acceleratorpools.modelmatrix.io", "left")["uid"] == left
    cluster.helm("uninstall", THERE[0], "--namespace", THERE[1])
    assert (names(cluster, "crd"), names(cluster, "priorityclass")) == before
    assert stored(cluster, "acceleratorpools.modelmatrix.io", "left")["uid"] == left


@pytest.mark.usefixtures("left")
def test_crds_of_another_version_are_taken_over_and_never_used_unseen(cluster: Cluster) -> None:
    cluster.kubectl("annotate", "--overwrite", "--field-manager=helm", "crd", CRD, "modelmatrix.io/crd-digest=older")
    with pytest.raises(LocalClusterError, match="invalid ownership metadata"):
        install(cluster, THERE)
    install(cluster, THERE, "--take-ownership")
    assert owner(cluster, "crd", CRD) == THERE
    assert stored(cluster, "crd", CRD)["annotations"]["modelmatrix.io/crd-digest"] != "older"
    assert owner(cluster, "priorityclass", "modelmatrix-p0") == HERE


@pytest.mark.usefixtures("left")
def test_the_same_release_installed_again_goes_on_with_its_own(cluster: Cluster) -> None:
    said = install(cluster, HERE)
    assert "has left" not in said
    assert owner(cluster, "crd", CRD) == HERE

"""The chart's admission policies on the API server: all that the operator renders passes, and nothing that it never writes."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.testing import eventually
from playground.installation import NAMESPACE, RELEASE
from playground.options import REPOSITORY
from playground.testing import OPERATOR, ModelNamespace, NodePool

pytestmark = pytest.mark.cluster

Manifest = dict[str, Any]
Edit = Callable[[Manifest], object]

MOUNTING = "vllm-dcu"  # its pool names a path in hostMounts, which the admins must list
GOLDEN = sorted(path.stem for path in (REPOSITORY / "tests" / "golden" / "rendering").glob("*.yaml") if path.stem != MOUNTING)
SINGLE, GROUP = ("vllm-nvidia", "vllm-ascend-a2-two-nodes")
AS_OPERATOR = (f"--as={OPERATOR}", "--dry-run=server")
CLASS = "modelmatrix-p0"
OURS = {"app.kubernetes.io/managed-by": "modelmatrix", "modelmatrix.io/deployment": "chat"}


def rendered(name: str, namespace: str) -> Manifest:
    manifest: Manifest = yaml.safe_load((REPOSITORY / "tests/golden/rendering" / f"{name}.yaml").read_text(encoding="utf-8"))
    manifest["metadata"] = {**manifest["metadata"], "namespace": namespace}
    return manifest


def create(bed: ModelNamespace, manifest: Manifest, *flags: str) -> str:
    return bed.kubectl("create", *flags, "-f", "-", stdin=json.dumps(manifest))


def refused(bed: ModelNamespace, manifest: Manifest, words: str, *flags: str) -> None:
    with pytest.raises(LocalClusterError, match=words):
        create(bed, manifest, *flags)


def pod_specs(manifest: Manifest) -> list[Manifest]:
    groups = manifest["spec"].get("leaderWorkerTemplate", {})
    templates = [groups.get("leaderTemplate"), groups.get("workerTemplate"), manifest["spec"].get("template")]
    return [template["spec"] for template in templates if template]


def test_the_policies_have_no_typing_errors(cluster: Cluster) -> None:
    found = json.loads(cluster.kubectl("get", "validatingadmissionpolicies", "-o", "json"))["items"]
    assert len(found) >= 9
    assert [item["metadata"]["name"] for item in found if item["status"]["typeChecking"]] == []


@pytest.mark.parametrize("name", GOLDEN)
def test_what_the_operator_renders_passes(bed: ModelNamespace, name: str) -> None:
    assert "created (server dry run)" in create(bed, rendered(name, bed.name), *AS_OPERATOR)


def test_a_path_that_a_pool_names_is_refused_by_name_until_it_is_listed(bed: ModelNamespace) -> None:
    refused(bed, rendered(MOUNTING, bed.name), "list in policies.operator.hostPaths /opt/hyhal", *AS_OPERATOR)


def of_pod(key: str, value: object) -> Edit:
    return lambda manifest: pod_specs(manifest)[0].update({key: value})


def of_container(key: str, value: object) -> Edit:
    return lambda manifest: pod_specs(manifest)[0]["containers"][0].update({key: value})


def with_security(**fields: object) -> Edit:
    return lambda manifest: pod_specs(manifest)[0]["containers"][0]["securityContext"].update(fields)


def with_volume(**source: object) -> Edit:
    return lambda manifest: pod_specs(manifest)[0]["volumes"].append({"name": "other", **source})


def without_label(manifest: Manifest) -> None:
    del manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"]


def of_another_owner(manifest: Manifest) -> None:
    manifest["metadata"]["ownerReferences"][0]["kind"] = "ReplicaSet"


PRIVILEGED = "Pod Security restricted|disallowed by cluster policy"  # of Deployments the API server says it first
INIT = {"name": "init", "image": "x", "securityContext": {"privileged": True}}
FORBIDDEN: dict[str, tuple[Edit, str]] = {
    "label": (without_label, "with its label and a ModelDeployment"),
    "owner": (of_another_owner, "with its label and a ModelDeployment"),
    "no-owner": (lambda manifest: manifest["metadata"].pop("ownerReferences"), "with its label and a ModelDeployment"),
    "account": (of_pod("serviceAccountName", "admin"), "default ServiceAccount"),
    "token": (of_pod("automountServiceAccountToken", True), "default ServiceAccount"),
    "token-by-default": (lambda m: pod_specs(m)[0].pop("automountServiceAccountToken"), "default ServiceAccount"),
    "host-pid": (of_pod("hostPID", True), "no namespace of the host"),
    "host-ipc": (of_pod("hostIPC", True), "no namespace of the host"),
    "node": (of_pod("nodeName", "n"), "no namespace of the host"),
    "privileged": (with_security(privileged=True, allowPrivilegeEscalation=True), PRIVILEGED),
    "escalation": (with_security(allowPrivilegeEscalation=True), "Pod Security restricted"),
    "capability": (with_security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), "Pod Security restricted"),
    "capabilities": (with_security(capabilities={"drop": ["NET_RAW"]}), "Pod Security restricted"),
    "root": (with_security(runAsUser=0), "Pod Security restricted"),
    "root-of-the-pod": (of_pod("securityContext", {"seccompProfile": {"type": "RuntimeDefault"}}), "Pod Security restricted"),
    "not-root": (with_security(runAsNonRoot=False), "Pod Security restricted"),
    "seccomp": (with_security(seccompProfile={"type": "Unconfined"}), "Pod Security restricted"),
    "selinux": (with_security(seLinuxOptions={"type": "spc_t"}), "Pod Security restricted"),
    "context": (of_container("securityContext", {}), "Pod Security restricted"),
    "init": (lambda manifest: pod_specs(manifest)[0].update(initContainers=[INIT]), PRIVILEGED),
    "secret": (with_volume(secret={"secretName": "s"}), "volumes of a claim"),
    "account-token": (with_volume(projected={"sources": [{"serviceAccountToken": {"path": "t"}}]}), "volumes of a claim"),
    "root-path": (with_volume(hostPath={"path": "/"}), "policies.operator.hostPaths"),
    "sibling-path": (with_volume(hostPath={"path": "/usr/local/dcmi2"}), "policies.operator.hostPaths"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
@pytest.mark.parametrize("kind", [SINGLE, GROUP])
def test_what_the_operator_never_renders_is_refused_to_it(bed: ModelNamespace, kind: str, name: str) -> None:
    edit, words = FORBIDDEN[name]
    manifest = rendered(kind, bed.name)
    edit(manifest)
    refused(bed, manifest, words, *AS_OPERATOR)


def test_a_worker_is_held_to_the_same(bed: ModelNamespace) -> None:
    manifest = rendered(GROUP, bed.name)
    pod_specs(manifest)[1]["hostPID"] = True
    refused(bed, manifest, "no namespace of the host", *AS_OPERATOR)


def test_only_groups_use_the_network_of_the_host(bed: ModelNamespace) -> None:
    manifest = rendered(SINGLE, bed.name)
    pod_specs(manifest)[0]["hostNetwork"] = True
    refused(bed, manifest, "only groups of nodes use its network", *AS_OPERATOR)


@pytest.mark.parametrize("kind", [SINGLE, GROUP])
def test_ports_of_the_host_are_refused_without_its_network(bed: ModelNamespace, kind: str) -> None:
    manifest = rendered(kind, bed.name)
    pod = pod_specs(manifest)[0]
    pod.pop("hostNetwork", None)
    pod.pop("dnsPolicy", None)
    pod["containers"][0]["ports"][0]["hostPort"] = 8000
    refused(bed, manifest, "no ports of the host", *AS_OPERATOR)


def test_a_path_that_is_allowed_to_be_read_is_not_written(bed: ModelNamespace) -> None:
    manifest = rendered("vllm-ascend-a2-host-driver", bed.name)
    mounts = pod_specs(manifest)[0]["containers"][0]["volumeMounts"]
    next(mount for mount in mounts if mount["name"].startswith("host-"))["readOnly"] = False
    refused(bed, manifest, "policies.operator.hostPaths", *AS_OPERATOR)


def test_a_path_below_an_allowed_one_is_allowed(bed: ModelNamespace) -> None:
    manifest = rendered("vllm-ascend-a2-host-driver", bed.name)
    pod_specs(manifest)[0]["volumes"].append({"name": "more", "hostPath": {"path": "/usr/local/Ascend/driver/tools"}})
    assert "created" in create(bed, manifest, *AS_OPERATOR)


def test_objects_of_others_are_neither_changed_nor_deleted_nor_taken(bed: ModelNamespace) -> None:
    others = rendered(SINGLE, bed.name)
    others["metadata"] |= {"labels": {}, "ownerReferences": []}
    others["spec"]["replicas"] = 0
    del others["spec"]["template"]["spec"]["priorityClassName"]
    create(bed, others)
    name = others["metadata"]["name"]
    ours = rendered(SINGLE, bed.name)["metadata"]
    taking = {"metadata": {key: ours[key] for key in ("labels", "ownerReferences")}}
    words = "only objects that it manages"
    for verb in (("patch", "-p", json.dumps(taking)), ("patch", "-p", '{"spec": {"replicas": 1}}'), ("delete",)):
        with pytest.raises(LocalClusterError, match=words):
            bed.kubectl(verb[0], "deployment", name, *AS_OPERATOR, *verb[1:])
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "others"}, "spec": {"ports": [{"port": 80}]}}
    create(bed, service)
    with pytest.raises(LocalClusterError, match=words):
        bed.kubectl("patch", "service", "others", *AS_OPERATOR, "-p", '{"spec": {"selector": {"a": "b"}}}')


def test_an_object_without_an_owner_is_scaled_and_gets_one_with_its_next_template(bed: ModelNamespace) -> None:
    """As a restore leaves it."""
    restored = rendered(SINGLE, bed.name)
    restored["metadata"]["ownerReferences"] = []
    restored["spec"]["replicas"] = 0
    create(bed, restored)
    name = restored["metadata"]["name"]
    assert "patched" in bed.kubectl("patch", "deployment", name, *AS_OPERATOR, "-p", '{"spec": {"replicas": 1}}')
    edit = '{"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}'
    with pytest.raises(LocalClusterError, match="with its label and a ModelDeployment"):
        bed.kubectl("patch", "deployment", name, *AS_OPERATOR, "-p", edit)


@pytest.mark.parametrize(
    "edit",
    [
        lambda spec: spec.update(type="NodePort"),
        lambda spec: spec.update(externalIPs=["10.0.0.1"]),
        lambda spec: spec.update(selector={"app": "x"}),
    ],
    ids=["node-port", "external", "selector"],
)
def test_a_service_is_inside_the_cluster_and_for_a_deployment(bed: ModelNamespace, edit: Edit) -> None:
    manifest = rendered("service", bed.name)
    edit(manifest["spec"])
    refused(bed, manifest, "of type ClusterIP", *AS_OPERATOR)


def test_a_network_policy_is_for_pods_of_a_deployment(bed: ModelNamespace) -> None:
    manifest = rendered("network-policy", bed.name)
    manifest["spec"]["podSelector"] = {}
    refused(bed, manifest, "NetworkPolicies for the pods of a deployment", *AS_OPERATOR)


def some_pod(bed: ModelNamespace, **labels: str) -> Manifest:
    template = rendered(SINGLE, bed.name)["spec"]["template"]
    spec = {**template["spec"], "priorityClassName": ""}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "labels": labels}, "spec": spec}


def test_the_operator_creates_pods_as_a_dry_run_only(bed: ModelNamespace) -> None:
    pod = some_pod(bed)
    refused(bed, pod, "as a dry run only", f"--as={OPERATOR}")
    assert "dry run" in create(bed, pod, *AS_OPERATOR)
    pod["spec"]["priorityClassName"] = CLASS
    pod["metadata"]["labels"] = OURS
    assert "dry run" in create(bed, pod, *AS_OPERATOR)


@pytest.fixture
def running(bed: ModelNamespace) -> Iterator[str]:
    create(bed, some_pod(bed, team="x") | {"metadata": {"name": "one", "labels": {"team": "x"}, "annotations": {"a": "b"}}})
    yield "one"
    bed.kubectl("delete", "pod", "one", "--force", "--grace-period=0")


@pytest.fixture
def rights(bed: ModelNamespace) -> None:
    """More rights for the operator's account than its roles give."""
    account = f"--serviceaccount={NAMESPACE}:{RELEASE}"
    bed.kubectl("create", "rolebinding", "more", "--clusterrole=edit", account)


@pytest.mark.usefixtures("rights")
def test_of_a_pod_the_operator_changes_one_annotation(bed: ModelNamespace, running: str) -> None:
    def patch(document: Manifest) -> str:
        return bed.kubectl("patch", "pod", running, "--type=merge", f"--as={OPERATOR}", "-p", json.dumps(document))

    cost = {"controller.kubernetes.io/pod-deletion-cost": "-1000"}
    assert "patched" in patch({"metadata": {"annotations": cost}})
    for document in (
        {"metadata": {"annotations": {"other": "x"}}},
        {"metadata": {"annotations": {"a": "c"}}},
        {"metadata": {"annotations": {"a": None}}},
        {"metadata": {"labels": {"team": "y"}}},
        {"metadata": {"finalizers": ["a.b/c"]}},
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}},
        {"spec": {"activeDeadlineSeconds": 1}},
    ):
        with pytest.raises(LocalClusterError, match="nothing of a pod but its annotation"):
            patch(document)


@pytest.mark.usefixtures("rights")
def test_the_operator_neither_deletes_nor_enters_pods(bed: ModelNamespace, running: str) -> None:
    for command in (("delete", "pod", running), ("exec", running, "--", "sh")):
        with pytest.raises(LocalClusterError, match="may not delete or enter them"):
            bed.kubectl(command[0], f"--as={OPERATOR}", *command[1:])


def workload_of(kind: str, spec: Manifest, labels: dict[str, str]) -> Manifest:
    template = {"metadata": {"labels": {"app": "x", **labels}}, "spec": spec}
    common = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "borrowed"}}
    selector = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    if kind == "LeaderWorkerSet":
        groups = {"size": 1, "workerTemplate": template}
        return {**common, "apiVersion": "leaderworkerset.x-k8s.io/v1", "spec": {"leaderWorkerTemplate": groups}}
    return {**common, "spec": {**selector, "serviceName": "x"} if kind == "StatefulSet" else selector}


@pytest.fixture
def tenant(bed: ModelNamespace) -> str:
    """Somebody who may write every workload of the namespace."""
    bed.kubectl("create", "rolebinding", "tenant", "--clusterrole=edit", "--user=tenant")
    rules = {"apiGroups": ["leaderworkerset.x-k8s.io"], "resources": ["leaderworkersets"], "verbs": ["*"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "groups"}, "rules": [rules]}
    create(bed, role)
    bed.kubectl("create", "rolebinding", "groups", "--role=groups", "--user=tenant")
    eventually(lambda: bed.kubectl("auth", "can-i", "create", "leaderworkersets", "--as=tenant"))
    return "tenant"


def borrowing_spec(class_name: str = CLASS) -> Manifest:
    return {"priorityClassName": class_name, "containers": [{"name": "x", "image": "x"}]}


@pytest.mark.parametrize("labels", [{}, OURS], ids=["plain", "with-our-labels"])
@pytest.mark.parametrize("kind", ["Pod", "Deployment", "ReplicaSet", "StatefulSet", "LeaderWorkerSet"])
def test_a_tenant_borrows_no_class(bed: ModelNamespace, tenant: str, kind: str, labels: dict[str, str]) -> None:
    manifest = workload_of(kind, borrowing_spec(), labels) if kind != "Pod" else some_pod(bed, **labels)
    if kind == "Pod":
        manifest["spec"]["priorityClassName"] = CLASS
    flags = (f"--as={tenant}", "--dry-run=server")
    refused(bed, manifest, "are for the pods of ModelDeployments", *flags)


def test_a_leader_borrows_no_class_either(bed: ModelNamespace, tenant: str) -> None:
    manifest = workload_of("LeaderWorkerSet", borrowing_spec(""), OURS)
    leader = deepcopy(manifest["spec"]["leaderWorkerTemplate"]["workerTemplate"])
    leader["spec"] = borrowing_spec()
    manifest["spec"]["leaderWorkerTemplate"]["leaderTemplate"] = leader
    refused(bed, manifest, "are for the pods of ModelDeployments", f"--as={tenant}", "--dry-run=server")


def test_a_workload_gets_no_class_by_an_edit(bed: ModelNamespace, tenant: str) -> None:
    manifest = workload_of("Deployment", borrowing_spec("") | {"priorityClassName": ""}, OURS)
    manifest["spec"]["replicas"] = 0
    create(bed, manifest)
    edit = json.dumps({"spec": {"template": {"spec": {"priorityClassName": CLASS}}}})
    with pytest.raises(LocalClusterError, match="are for the pods of ModelDeployments"):
        bed.kubectl("patch", "deployment", "borrowed", f"--as={tenant}", "-p", edit)


def test_other_classes_are_not_concerned(bed: ModelNamespace, tenant: str) -> None:
    assert "created" in create(bed, workload_of("Deployment", borrowing_spec("modelmatrix-p9"), {}), f"--as={tenant}")


def test_an_admin_restores_what_has_our_labels_and_borrows_nothing(bed: ModelNamespace) -> None:
    assert "created" in create(bed, workload_of("Deployment", borrowing_spec(), OURS), "--dry-run=server")
    refused(bed, workload_of("Deployment", borrowing_spec(), {}), "are for the pods of ModelDeployments", "--dry-run=server")


def test_the_operator_of_another_installation_is_one_too(bed: ModelNamespace, tenant: str) -> None:
    """One of them leads, and the policies of the other hold as well."""
    rule = {"apiGroups": ["modelmatrix.io"], "resources": ["modeldeployments/status"], "verbs": ["patch"]}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": bed.name},
        "rules": [rule],
    }
    bed.cluster.apply([role])
    bed.cluster.kubectl("create", "clusterrolebinding", bed.name, f"--clusterrole={bed.name}", f"--user={tenant}")
    manifest, flags = workload_of("Deployment", borrowing_spec(), OURS), (f"--as={tenant}", "--dry-run=server")
    try:
        eventually(lambda: create(bed, manifest, *flags))
        refused(bed, workload_of("Deployment", borrowing_spec(), {}), "are for the pods of ModelDeployments", *flags)
    finally:
        bed.cluster.kubectl("delete", "clusterrolebinding,clusterrole", bed.name)


def test_a_restart_by_hand_of_our_workload_is_not_refused(bed: ModelNamespace, estate: NodePool, tenant: str) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    (name,) = (item["metadata"]["name"] for item in bed.get("deployments", "-l", "modelmatrix.io/deployment=chat")["items"])
    assert "restarted" in bed.kubectl("rollout", "restart", f"deployment/{name}", f"--as={tenant}")

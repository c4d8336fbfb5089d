"""The names of the public contract: API group, kinds, labels, annotations, managers. No other module spells them out."""

from __future__ import annotations

from typing import NamedTuple

GROUP = "modelmatrix.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "modelmatrix"

FIELD_MANAGER = "modelmatrix"
REPORTING_CONTROLLER = f"{GROUP}/operator"
LEASE_NAME = "modelmatrix-leader"

LABEL_DEPLOYMENT = f"{GROUP}/deployment"
LABEL_POOL = f"{GROUP}/pool"
LABEL_QUANTIZATION = f"{GROUP}/quantization"
LABEL_ENGINE = f"{GROUP}/engine"
LABEL_ROLE = f"{GROUP}/role"
LABEL_TENANT = f"{GROUP}/tenant"
LABEL_COST_CENTER = f"{GROUP}/cost-center"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_APP_NAME = "app.kubernetes.io/name"
LABEL_APP_INSTANCE = "app.kubernetes.io/instance"
LABEL_APP_COMPONENT = "app.kubernetes.io/component"

MANAGED_BY = "modelmatrix"
ROLE_LEADER = "leader"
ROLE_WORKER = "worker"

# The digest of the manifest that was applied last: needed to detect fields that must be removed, because comparing with the
# desired manifest alone does not show them.
ANNOTATION_DIGEST = f"{GROUP}/manifest-digest"
# The label with its name that the API server gives every namespace.
LABEL_NAMESPACE_NAME = "kubernetes.io/metadata.name"

# What the stored pod template was made from. ANNOTATION_TEMPLATE is the digest of the part of it that needs new pods,
# ANNOTATION_SPEC that of what the deployment's own spec says; while a rollout is on, ANNOTATION_SERVED holds the template that
# served before it; ANNOTATION_FAILED names a template that was tried and taken back.
ANNOTATION_TEMPLATE = f"{GROUP}/template-digest"
ANNOTATION_SPEC = f"{GROUP}/spec-digest"
ANNOTATION_SERVED = f"{GROUP}/served-template"
ANNOTATION_FAILED = f"{GROUP}/failed-template"
# Of people, on a deployment or pool: "true" keeps the operator's hands off it.
ANNOTATION_PAUSED = f"{GROUP}/paused"
# On the Lease: the installation that leads or led last, as namespace/name.
ANNOTATION_INSTALLATION = f"{GROUP}/installation"
# What a pod runs, for people, dashboards and simulated engines: a label value cannot hold the slash of a model's name.
ANNOTATION_MODEL = f"{GROUP}/model"
ANNOTATION_ACCELERATOR = f"{GROUP}/accelerator"
ANNOTATION_PARALLELISM = f"{GROUP}/parallelism"

# Kubernetes' own: a ReplicaSet that shrinks removes pods with the lowest cost first.
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

# Kubernetes' own: why a revision exists, as ``kubectl rollout history`` shows it.
CHANGE_CAUSE = "kubernetes.io/change-cause"

PRIORITY_CLASS_PREFIX = "modelmatrix-"

NAME_MAX_LENGTH = 40
WORKLOAD_NAME_MAX_LENGTH = 48
WORKLOAD_HASH_LENGTH = 7


class Kind(NamedTuple):
    """An API resource: its group and version, its plural name in URLs, and its kind in documents."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The apiVersion of its objects, e.g. ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version


MODEL_DEPLOYMENTS = Kind(GROUP, VERSION, "modeldeployments", "ModelDeployment")
ACCELERATOR_POOLS = Kind(GROUP, VERSION, "acceleratorpools", "AcceleratorPool", namespaced=False)
MODEL_PROFILES = Kind(GROUP, VERSION, "modelprofiles", "ModelProfile", namespaced=False)
ENGINE_PROFILES = Kind(GROUP, VERSION, "engineprofiles", "EngineProfile", namespaced=False)
TENANT_POLICIES = Kind(GROUP, VERSION, "tenantpolicies", "TenantPolicy", namespaced=False)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Kind("", "v1", "nodes", "Node", namespaced=False)
PODS = Kind("", "v1", "pods", "Pod")
SERVICES = Kind("", "v1", "services", "Service")
NETWORK_POLICIES = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Kind("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Kind("apps", "v1", "statefulsets", "StatefulSet")
LEADER_WORKER_SETS = Kind("leaderworkerset.x-k8s.io", "v1", "leaderworkersets", "LeaderWorkerSet")
RUNTIME_CLASSES = Kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease")
TOKEN_REVIEWS = Kind("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
ACCESS_REVIEWS = Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
EVENTS = Kind("events.k8s.io", "v1", "events", "Event")


def workload_name_prefix(deployment: str) -> str:
    """What the name of a workload begins with: a dash and a hash of ``WORKLOAD_HASH_LENGTH`` digits follow."""
    return deployment[: WORKLOAD_NAME_MAX_LENGTH - WORKLOAD_HASH_LENGTH - 1]

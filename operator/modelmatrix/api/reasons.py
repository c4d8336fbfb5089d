"""The closed enumeration of reasons: one table for conditions, events, metric labels, the command line and the documentation.

A reason says why an object is in its state. A message with figures is written where the figures are computed; this table holds
what every use of a reason shares: its meaning, the remedy, and its Chinese name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why an object is in its state. Values are part of the public contract: add, never rename."""

    # placement
    PLACED = "Placed"
    POOL_NOT_FOUND = "PoolNotFound"
    POOL_OVERLAP = "PoolOverlap"
    ACCELERATOR_UNKNOWN = "AcceleratorUnknown"
    MODEL_UNKNOWN = "ModelUnknown"
    SOURCE_INVALID = "SourceInvalid"
    QUANTIZATION_UNSUPPORTED = "QuantizationUnsupported"
    ENGINE_UNSUPPORTED = "EngineUnsupported"
    UNLISTED = "Unlisted"
    PARALLELISM_ILLEGAL = "ParallelismIllegal"
    NODES_MISMATCH = "NodesMismatch"
    NODES_MISSING = "NodesMissing"
    NODES_LOST = "NodesLost"
    MEMORY_INSUFFICIENT = "MemoryInsufficient"
    SLO_INFEASIBLE = "SLOInfeasible"
    INSUFFICIENT_DEVICES = "InsufficientDevices"
    UNSCHEDULABLE = "Unschedulable"
    DEVICES_UNHEALTHY = "DevicesUnhealthy"
    NODES_TAINTED = "NodesTainted"
    TERMINATION_OVERDUE = "TerminationOverdue"
    PRIORITY_BORROWED = "PriorityBorrowed"
    NO_SURGE_CAPACITY = "NoSurgeCapacity"
    NO_REDUNDANCY = "NoRedundancy"
    PRICE_NOT_COMPARABLE = "PriceNotComparable"
    DISPLACED = "Displaced"
    # tenancy
    POLICY_DENIED = "PolicyDenied"
    PRIORITY_CAPPED = "PriorityCapped"
    TENANT_OVERRIDDEN = "TenantOverridden"
    TENANT_QUOTA_EXCEEDED = "TenantQuotaExceeded"
    # workloads
    NAME_CONFLICT = "NameConflict"
    REPLICAS_READY = "ReplicasReady"
    REPLICA_STARTING = "ReplicaStarting"
    REPLICA_FAILING = "ReplicaFailing"
    LEADER_WORKER_SET_MISSING = "LeaderWorkerSetMissing"
    RUNTIME_CLASS_MISSING = "RuntimeClassMissing"
    WRITE_FAILED = "WriteFailed"
    START_OVERDUE = "StartOverdue"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    WORKLOAD_PAUSED = "WorkloadPaused"
    PODS_MISSING = "PodsMissing"
    # changes that wait
    PAUSED = "Paused"
    ROLLOUT_QUEUED = "RolloutQueued"
    ROLLOUT_HALTED = "RolloutHalted"
    ROLLED_BACK = "RolledBack"
    # what the API server, the scheduler, the kubelet and containers say about pods
    QUOTA_EXCEEDED = "QuotaExceeded"
    LIMIT_RANGE_VIOLATED = "LimitRangeViolated"
    POD_SECURITY_VIOLATED = "PodSecurityViolated"
    ADMISSION_DENIED = "AdmissionDenied"
    WEBHOOK_FAILING = "WebhookFailing"
    PRIORITY_CLASS_MISSING = "PriorityClassMissing"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    CLAIM_MISSING = "ClaimMissing"
    CLAIM_UNBOUND = "ClaimUnbound"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, no password
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    SCHEDULING_GATED = "SchedulingGated"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    IMAGE_PULL_FAILING = "ImagePullFailing"
    POD_NOT_PREPARED = "PodNotPrepared"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    CONTAINER_NOT_STARTED = "ContainerNotStarted"
    OUT_OF_MEMORY = "OutOfMemory"
    NODE_REFUSED = "NodeRefused"
    POD_EVICTED = "PodEvicted"
    READINESS_GATE_CLOSED = "ReadinessGateClosed"
    # signals and scaling
    SIGNALS_FRESH = "SignalsFresh"
    SIGNALS_MISSING = "SignalsMissing"
    SIGNALS_STALE = "SignalsStale"
    PROMETHEUS_UNAVAILABLE = "PrometheusUnavailable"
    NO_TRAFFIC = "NoTraffic"
    SLO_MET = "SLOMet"
    SLO_MISSED = "SLOMissed"
    NO_SLO = "NoSLO"
    LOAD_RISING = "LoadRising"
    LOAD_FALLING = "LoadFalling"
    STEADY = "Steady"
    BOUNDS_CHANGED = "BoundsChanged"
    SCHEDULED_FLOOR = "ScheduledFloor"
    NO_WAKE_SIGNAL = "NoWakeSignal"
    # intent
    SUSPENDED = "Suspended"
    SCALED_TO_ZERO = "ScaledToZero"
    MISCONFIGURED = "Misconfigured"
    NAMESPACE_NOT_MANAGED = "NamespaceNotManaged"
    # pools
    POOL_READY = "PoolReady"
    POD_SECURITY_RELAXED = "PodSecurityRelaxed"
    # policies
    POLICY_READY = "PolicyReady"
    POLICY_CONFLICT = "PolicyConflict"


def reason_of(text: str) -> Reason | None:
    """The reason of that name; ``None`` for a word that is not in the enumeration, or no longer."""
    try:
        return Reason(text)
    except ValueError:
        return None


class ReasonInfo(NamedTuple):
    """What every use of a reason shares: one sentence each for meaning and remedy, and the Chinese name.

    ``needs_person``: neither time nor the operator removes the cause, somebody must edit or install something. Such a problem
    of pods makes a deployment Stalled.
    """

    meaning: str
    remedy: str
    chinese: str
    needs_person: bool = False


TABLE: dict[Reason, ReasonInfo] = {
    Reason.PLACED: ReasonInfo("Every desired replica has a pool.", "Nothing to do.", "已放置"),
    Reason.POOL_NOT_FOUND: ReasonInfo(
        "The deployment names a pool that does not exist.",
        "Create the AcceleratorPool or correct spec.pools[].name.",
        "资源池不存在",
    ),
    Reason.POOL_OVERLAP: ReasonInfo(
        "A node is matched by the selectors of two pools; it counts for neither.",
        "Give each pool a selector of its own, e.g. the label modelmatrix.io/pool.",
        "资源池节点重叠",
    ),
    Reason.ACCELERATOR_UNKNOWN: ReasonInfo(
        "The pool names a chip that the catalogue does not list.",
        "Use an id that the message lists in spec.accelerator.",
        "未知加速卡型号",
    ),
    Reason.MODEL_UNKNOWN: ReasonInfo(
        "The model is neither in the catalogue nor a ModelProfile of this cluster.",
        "Correct spec.model.name, or describe the model with a ModelProfile.",
        "未知模型",
    ),
    Reason.SOURCE_INVALID: ReasonInfo(
        "The source of the weights cannot be parsed.",
        "Write scheme://path, e.g. modelscope://Qwen/Qwen3-32B@master or pvc://CLAIM/PATH.",
        "权重来源无效",
    ),
    Reason.QUANTIZATION_UNSUPPORTED: ReasonInfo(
        "The chip or the engine cannot run weights of this format.",
        "Use the format that the message names, with weights converted to it.",
        "不支持的量化格式",
    ),
    Reason.ENGINE_UNSUPPORTED: ReasonInfo(
        "The engine does not run on this accelerator or cannot serve this model.",
        "Leave spec.pools[].engine out, or use the engine that the message names.",
        "推理引擎不支持",
    ),
    Reason.UNLISTED: ReasonInfo(
        "The engine publishes a list of supported models and this architecture is not on it.",
        "Try it on a test pool and set spec.unlisted: Allow, or use the engine that the message names.",
        "未列入引擎支持列表",
    ),
    Reason.PARALLELISM_ILLEGAL: ReasonInfo(
        "The requested parallelism contradicts the model, the chip or itself.",
        "Use the parallelism that the message names, or leave it to the planner.",
        "并行度不合法",
    ),
    Reason.NODES_MISMATCH: ReasonInfo(
        "The pool's nodes are not what the pool says: chip label, resource or selector disagree.",
        "Correct spec.accelerator, spec.resourceName or the node labels.",
        "节点与资源池不符",
    ),
    Reason.NODES_MISSING: ReasonInfo(
        "There are no nodes at all: the cluster has none, or files that replace the cluster hold none.",
        "Add nodes; with --offline: kubectl get nodes -o yaml > nodes.yaml, then add -f nodes.yaml.",
        "没有节点",
    ),
    Reason.NODES_LOST: ReasonInfo(
        "This plan assumes the loss of a site or of nodes, and the pool has no other nodes.",
        "To survive the loss, add a pool of another site to spec.pools, or devices there.",
        "节点已失去",
    ),
    Reason.MEMORY_INSUFFICIENT: ReasonInfo(
        "Weights and KV cache do not fit the devices that a replica may use.",
        "Lower maxModelLen, use a smaller quantization, or a pool with more or larger devices.",
        "显存不足",
    ),
    Reason.SLO_INFEASIBLE: ReasonInfo(
        "Even an idle replica cannot answer within the SLO on this pool.",
        "Use a faster pool, more tensor parallelism, or a looser SLO.",
        "无法满足服务目标",
    ),
    Reason.INSUFFICIENT_DEVICES: ReasonInfo(
        "The replica would fit, but too few devices are free.",
        "Add nodes, raise the pool's limit, or lower what others use; the message says how much is missing.",
        "可用设备不足",
    ),
    Reason.UNSCHEDULABLE: ReasonInfo(
        "Devices are free, and the scheduler does not bind the pods to them, or binds only a part of a group.",
        "Read the scheduler's message, which is quoted; often a taint without a toleration, or too little CPU or memory.",
        "调度器未能绑定全部 Pod",
    ),
    Reason.DEVICES_UNHEALTHY: ReasonInfo(
        "Devices are missing from a node's allocatable: the device plugin reports them unhealthy.",
        "Repair or replace the devices that the message names.",
        "设备不健康",
    ),
    Reason.NODES_TAINTED: ReasonInfo(
        "Nodes of the pool have a taint that its tolerations do not cover: what runs there stays, nothing new comes.",
        "Add a toleration to the pool's spec.tolerations, or remove the taint.",
        "节点带有未容忍的污点",
    ),
    Reason.TERMINATION_OVERDUE: ReasonInfo(
        "A pod of this operator should have ended, and still holds devices.",
        "Remove what holds it: a finalizer, a process on a lost device; delete it by force when its node is off.",
        "Pod 超时未终止",
    ),
    Reason.PRIORITY_BORROWED: ReasonInfo(
        "A pod that is not of this operator uses one of its PriorityClasses, and takes devices as a model would.",
        "Give the pod another PriorityClass; the chart's admission policy refuses further ones.",
        "优先级类被借用",
    ),
    Reason.NO_SURGE_CAPACITY: ReasonInfo(
        "There is no room for one more replica, so a rollout replaces replicas in place.",
        "Accept the dip, or free the devices of one replica.",
        "无滚动升级余量",
    ),
    Reason.NO_REDUNDANCY: ReasonInfo(
        "All nodes that the deployment may use are one: its loss stops every replica.",
        "Accept it, or add a node or a pool.",
        "无冗余",
    ),
    Reason.PRICE_NOT_COMPARABLE: ReasonInfo(
        "A pool has no price, or one in another currency: Cheapest uses it after those that can be compared.",
        "Give the pools prices in one currency.",
        "价格不可比",
    ),
    Reason.DISPLACED: ReasonInfo(
        "Replicas gave way to a deployment of a higher priority.",
        "Add devices, or raise spec.priority.",
        "被高优先级让位",
    ),
    Reason.POLICY_DENIED: ReasonInfo(
        "A TenantPolicy, or the operator's default for namespaces without one, does not allow what the spec uses.",
        "Use what the message allows, or have an admin allow it in the TenantPolicy that the message names.",
        "租户策略不允许",
    ),
    Reason.PRIORITY_CAPPED: ReasonInfo(
        "The namespace may not use the priority of the spec: the deployment counts as the highest that it may use.",
        "Lower spec.priority, or have an admin raise highestPriority of the namespace's TenantPolicy.",
        "优先级受限",
    ),
    Reason.TENANT_OVERRIDDEN: ReasonInfo(
        "A TenantPolicy decides tenant or cost center, and the spec names another.",
        "Remove spec.tenant and spec.costCenter, or correct the policy or the namespace's label.",
        "租户归属由策略决定",
    ),
    Reason.TENANT_QUOTA_EXCEEDED: ReasonInfo(
        "The namespaces of a TenantPolicy have as many devices as it allows, or more.",
        "Lower what the tenant's deployments use, or have an admin raise spec.devices of the TenantPolicy.",
        "超出租户配额",
    ),
    Reason.NAME_CONFLICT: ReasonInfo(
        "An object of the needed name exists and the operator does not manage it; it is not changed.",
        "Delete or rename the other object, or rename the deployment.",
        "名称冲突",
    ),
    Reason.REPLICAS_READY: ReasonInfo("Every desired replica is ready.", "Nothing to do.", "副本就绪"),
    Reason.REPLICA_STARTING: ReasonInfo(
        "Replicas are being scheduled or load their weights.",
        "Wait; large models take minutes.",
        "副本启动中",
    ),
    Reason.REPLICA_FAILING: ReasonInfo(
        "Pods cannot be created, or their containers fail again and again.",
        "Read the quoted message of the API server or the container's log.",
        "副本异常",
    ),
    Reason.LEADER_WORKER_SET_MISSING: ReasonInfo(
        "The replica needs several nodes and the LeaderWorkerSet API is not installed.",
        "Install LeaderWorkerSet v0.8 or newer.",
        "缺少 LeaderWorkerSet",
    ),
    Reason.RUNTIME_CLASS_MISSING: ReasonInfo(
        "The pool names a RuntimeClass that does not exist; its pods would be rejected.",
        "Create the RuntimeClass or remove spec.runtimeClassName from the pool.",
        "缺少 RuntimeClass",
        needs_person=True,
    ),
    Reason.WRITE_FAILED: ReasonInfo(
        "The API server refused a write.",
        "Read the quoted answer; often a quota or an admission policy.",
        "写入被拒绝",
    ),
    Reason.START_OVERDUE: ReasonInfo(
        "A replica is not ready although the longest start that is expected has passed.",
        "See the log of its engine container and the speed of the weights' store; nothing else is reported.",
        "启动超时",
    ),
    Reason.PROGRESS_DEADLINE_EXCEEDED: ReasonInfo(
        "A rollout has not become ready within three starts and ten minutes.",
        "Read the log of the newest pods, or undo the last edit; the operator goes on trying.",
        "滚动升级超过期限",
        needs_person=True,
    ),
    Reason.WORKLOAD_PAUSED: ReasonInfo(
        "The Deployment of the replicas is paused, so its controller rolls nothing out.",
        "Run kubectl rollout resume on the Deployment that the message names.",
        "工作负载已暂停",
        needs_person=True,
    ),
    Reason.PAUSED: ReasonInfo(
        "The deployment or its pool is paused: the operator creates, changes, scales and deletes nothing of it.",
        "Remove the annotation modelmatrix.io/paused to have the operator go on.",
        "已被人工暂停",
        needs_person=True,
    ),
    Reason.ROLLOUT_QUEUED: ReasonInfo(
        "A change needs new pods and waits for its turn: rollouts go one after another where there is no room for a surge.",
        "Wait; the deployment serves with its last template meanwhile. Free devices let rollouts go faster.",
        "滚动升级排队中",
    ),
    Reason.ROLLOUT_HALTED: ReasonInfo(
        "The first rollout of the same change fails, so the others stay on the template that serves.",
        "Correct the image or the field of the pool that the message names.",
        "滚动升级已停止",
        needs_person=True,
    ),
    Reason.ROLLED_BACK: ReasonInfo(
        "No replica of the new template served, so the template that served before was restored.",
        "Correct what the message quotes; to try the same again, remove the annotation modelmatrix.io/failed-template.",
        "已回滚",
        needs_person=True,
    ),
    Reason.PODS_MISSING: ReasonInfo(
        "The controller of the replicas makes no pods, and its status does not say why.",
        "Check that the controller runs, and read the events of the workload and its StatefulSets; often a quota.",
        "缺少 Pod",
        needs_person=True,
    ),
    Reason.QUOTA_EXCEEDED: ReasonInfo(
        "A ResourceQuota of the namespace does not allow the pods.",
        "Raise the quota that the message names, or lower the replicas.",
        "超出资源配额",
        needs_person=True,
    ),
    Reason.LIMIT_RANGE_VIOLATED: ReasonInfo(
        "A LimitRange of the namespace does not allow the pods' resources.",
        "Change the LimitRange that the message quotes, or use a namespace without it.",
        "违反 LimitRange 限制",
        needs_person=True,
    ),
    Reason.POD_SECURITY_VIOLATED: ReasonInfo(
        "The namespace's Pod Security level does not allow the pods.",
        "Remove hostNetwork and hostMounts from the pool, or lower the level of the namespace.",
        "违反 Pod 安全级别",
        needs_person=True,
    ),
    Reason.ADMISSION_DENIED: ReasonInfo(
        "An admission policy or webhook refuses the pods.",
        "Read the quoted answer and change what the policy names, or the policy.",
        "准入策略拒绝",
        needs_person=True,
    ),
    Reason.WEBHOOK_FAILING: ReasonInfo(
        "An admission webhook of the cluster does not answer, so no pod can be created.",
        "Repair the webhook that the message names.",
        "准入 Webhook 故障",
    ),
    Reason.PRIORITY_CLASS_MISSING: ReasonInfo(
        "The pods' PriorityClass does not exist.",
        "Install the chart's PriorityClasses again (priorityClasses.create).",
        "缺少 PriorityClass",
        needs_person=True,
    ),
    Reason.SERVICE_ACCOUNT_MISSING: ReasonInfo(
        "The pods' ServiceAccount does not exist.",
        "Create the ServiceAccount that the message names.",
        "缺少 ServiceAccount",
        needs_person=True,
    ),
    Reason.CLAIM_MISSING: ReasonInfo(
        "The PersistentVolumeClaim of the weights does not exist.",
        "Create the claim in the deployment's namespace or correct its name in spec.model.source.",
        "缺少存储声明",
        needs_person=True,
    ),
    Reason.CLAIM_UNBOUND: ReasonInfo(
        "The PersistentVolumeClaim of the weights has no volume.",
        "Bind the claim: check its StorageClass and that a matching volume exists.",
        "存储声明未绑定",
        needs_person=True,
    ),
    Reason.SECRET_MISSING: ReasonInfo(
        "A Secret that the pods name does not exist, or lacks a key.",
        "Create the Secret with the key that the message names, or correct spec.model.secretName.",
        "缺少 Secret",
        needs_person=True,
    ),
    Reason.CONFIG_MAP_MISSING: ReasonInfo(
        "A ConfigMap that the pods name does not exist, or lacks a key.",
        "Create the ConfigMap that the message names.",
        "缺少 ConfigMap",
        needs_person=True,
    ),
    Reason.SCHEDULING_GATED: ReasonInfo(
        "A scheduling gate keeps the pods from the scheduler.",
        "Let the controller that set the gate, e.g. a queue, admit the pods.",
        "调度门控中",
    ),
    Reason.IMAGE_UNAVAILABLE: ReasonInfo(
        "The image does not exist, or the registry does not give it out.",
        "Correct the image that the message names (spec.images of the pool), mirror it, or add a pull secret.",
        "镜像不可用",
        needs_person=True,
    ),
    Reason.IMAGE_PULL_FAILING: ReasonInfo(
        "The image cannot be pulled at the moment; the kubelet tries again.",
        "Check the registry and the node's way to it if this lasts.",
        "镜像拉取失败",
    ),
    Reason.POD_NOT_PREPARED: ReasonInfo(
        "The kubelet has not set up the pod's volumes or network for over a minute.",
        "Read the pod's events (kubectl describe pod); check the volumes that the message names.",
        "Pod 未准备好",
    ),
    Reason.CONTAINER_CONFIG_INVALID: ReasonInfo(
        "The kubelet cannot make the container's configuration.",
        "Read the quoted message; often an image that runs as root, or a subPath that is missing.",
        "容器配置无效",
        needs_person=True,
    ),
    Reason.CONTAINER_NOT_STARTED: ReasonInfo(
        "The container runtime cannot create or start the container.",
        "Read the quoted message; often a device driver or runtime of the node that the message names.",
        "容器无法启动",
    ),
    Reason.OUT_OF_MEMORY: ReasonInfo(
        "The kernel or the kubelet ended the container because host memory ran out.",
        "Use nodes with more memory, or a smaller model; engines need host memory while they load weights.",
        "主机内存不足",
    ),
    Reason.NODE_REFUSED: ReasonInfo(
        "The scheduler bound the pods and the kubelet of the node refuses them.",
        "Read the quoted message; check the device plugin and the kubelet of the node.",
        "节点拒绝 Pod",
    ),
    Reason.POD_EVICTED: ReasonInfo(
        "The node ended the pods: pressure, shutdown, preemption, or the node was lost.",
        "See the quoted message; new pods are made elsewhere if devices are free.",
        "Pod 被驱逐",
    ),
    Reason.READINESS_GATE_CLOSED: ReasonInfo(
        "The containers are ready and a readiness gate of the pod is not.",
        "Check the controller that sets the condition which the message names.",
        "就绪门控未通过",
    ),
    Reason.SIGNALS_FRESH: ReasonInfo("Every ready replica is measured.", "Nothing to do.", "指标正常"),
    Reason.SIGNALS_MISSING: ReasonInfo(
        "Ready replicas have no samples in Prometheus; the replica count is held.",
        "Check that Prometheus scrapes the engine pods (metrics.podMonitor in the chart's values).",
        "指标缺失",
    ),
    Reason.SIGNALS_STALE: ReasonInfo(
        "The newest samples are too old; the replica count is held.",
        "Check Prometheus and the scrape targets of the engine pods.",
        "指标过期",
    ),
    Reason.PROMETHEUS_UNAVAILABLE: ReasonInfo(
        "Prometheus cannot be queried; the replica count is held.",
        "Check prometheus.url in the chart's values (--prometheus-url of the operator) and Prometheus itself.",
        "Prometheus 不可用",
    ),
    Reason.NO_TRAFFIC: ReasonInfo(
        "No request arrived in the observed time, and the samples prove it.",
        "Nothing to do.",
        "无流量",
    ),
    Reason.SLO_MET: ReasonInfo(
        "The share of requests within the SLO is at or above its target.", "Nothing to do.", "达到服务目标"
    ),
    Reason.SLO_MISSED: ReasonInfo(
        "The share of requests within the SLO is below its target.",
        "See the scaling history; raise maxReplicas or add devices if it is at its bound.",
        "未达到服务目标",
    ),
    Reason.NO_SLO: ReasonInfo("The deployment declares no SLO.", "Set spec.slo to have it measured.", "未声明服务目标"),
    Reason.LOAD_RISING: ReasonInfo("More replicas are needed to keep the SLO.", "Nothing to do.", "负载上升"),
    Reason.LOAD_FALLING: ReasonInfo("Fewer replicas keep the SLO.", "Nothing to do.", "负载下降"),
    Reason.STEADY: ReasonInfo("The replica count is right.", "Nothing to do.", "负载平稳"),
    Reason.BOUNDS_CHANGED: ReasonInfo("The bounds of the spec moved the replica count.", "Nothing to do.", "上下限变更"),
    Reason.SCHEDULED_FLOOR: ReasonInfo("A schedule window asks for at least this many replicas.", "Nothing to do.", "定时下限"),
    Reason.NO_WAKE_SIGNAL: ReasonInfo(
        "At zero replicas nothing can wake the deployment: it has no schedule and no gateway metric.",
        "Set minReplicas to 1, add a schedule window, or set prometheus.gatewayQuery in the chart's values.",
        "缺少唤醒信号",
    ),
    Reason.SUSPENDED: ReasonInfo("spec.suspend is true.", "Set spec.suspend to false to serve.", "已暂停"),
    Reason.SCALED_TO_ZERO: ReasonInfo("No replicas are desired now.", "Nothing to do.", "已缩容到零"),
    Reason.MISCONFIGURED: ReasonInfo(
        "The spec contradicts itself in a way that the schema cannot see.",
        "Correct the field that the message names.",
        "配置错误",
    ),
    Reason.NAMESPACE_NOT_MANAGED: ReasonInfo(
        "The operator is installed for certain namespaces, and this is another one: nothing is written here.",
        "Move the deployment, or have an admin add the namespace to rbac.scope in the chart's values.",
        "命名空间不在管理范围内",
    ),
    Reason.POOL_READY: ReasonInfo(
        "The nodes' resource agrees with the chip, and the vendor's labels of chip and memory where there are any.",
        "Nothing to do.",
        "资源池就绪",
    ),
    Reason.POD_SECURITY_RELAXED: ReasonInfo(
        "Pods of this pool use the host's network or paths and leave Pod Security restricted.",
        "Remove hostNetwork and hostMounts if a device runtime makes them unnecessary.",
        "Pod 安全级别放宽",
    ),
    Reason.POLICY_READY: ReasonInfo(
        "The policy agrees with the others, and its namespaces are within its limits.", "Nothing to do.", "策略就绪"
    ),
    Reason.POLICY_CONFLICT: ReasonInfo(
        "Two policies give a namespace different tenants or cost centers; the policy that is first by name decides.",
        "Have one of them decide, or make their selectors disjoint.",
        "策略冲突",
    ),
}

"""Which reason stands for what Kubernetes says about a pod: one table of patterns, in the order in which they are tried.

``word`` is the component's own reason (``CreateContainerError``), ``text`` its message. Each rule names where Kubernetes writes
the words (paths of kubernetes 1.36), so that a new version can be compared. What no rule knows is never dropped: the caller
gives a general reason, and word and message are quoted. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from modelmatrix.api.reasons import Reason


class Rule(NamedTuple):
    """``word`` matches a whole reason and ``text`` a part of a message, both as regular expressions without case."""

    reason: Reason
    word: str
    text: str
    source: str


_ANY = ".*"
_IMAGE = "ErrImagePull|ImagePullBackOff|ImageInspectError|RegistryUnavailable|SignatureValidationFailed"

RULES: tuple[Rule, ...] = (
    # The API server refuses the pod: the messages of admission plugins, as ReplicaFailure and a dry run have them.
    Rule(Reason.QUOTA_EXCEEDED, _ANY, r"(exceeded|failed|insufficient) quota", "apiserver/pkg/admission/plugin/resourcequota"),
    Rule(
        Reason.LIMIT_RANGE_VIOLATED,
        _ANY,
        r"(minimum|maximum) \S+ usage per \w+ is|max limit to request ratio per",
        "plugin/pkg/admission/limitranger/admission.go",
    ),
    Rule(Reason.POD_SECURITY_VIOLATED, _ANY, r"violates PodSecurity", "pod-security-admission/admission/admission.go"),
    Rule(Reason.PRIORITY_CLASS_MISSING, _ANY, r"no PriorityClass with name", "plugin/pkg/admission/priority/admission.go"),
    Rule(
        Reason.RUNTIME_CLASS_MISSING,
        _ANY,
        r"RuntimeClass \S+ not found|failed to get sandbox runtime|no runtime for \S+ is configured",
        "plugin/pkg/admission/runtimeclass/admission.go, containerd internal/cri/server",
    ),
    Rule(
        Reason.SERVICE_ACCOUNT_MISSING,
        _ANY,
        r"error looking up service account|serviceaccount \S+ not found",
        "plugin/pkg/admission/serviceaccount/admission.go",
    ),
    Rule(
        Reason.WEBHOOK_FAILING,
        _ANY,
        r"failed calling webhook|failed to call webhook",
        "apiserver/pkg/admission/plugin/webhook/errors",
    ),
    Rule(
        Reason.ADMISSION_DENIED,
        _ANY,
        r"denied (the )?request|pods? (\S+ )?(is|are) forbidden|cannot create resource",
        "apiserver/pkg/admission/plugin/webhook/errors/statuserror.go, plugin/policy/validating/dispatcher.go",
    ),
    # Objects that a pod names and that are missing.
    Rule(
        Reason.CLAIM_MISSING,
        _ANY,
        r"persistentvolumeclaim \S+ not found|persistentvolumeclaim \S+ is being deleted",
        "pkg/scheduler/framework/plugins/volumebinding/volume_binding.go",
    ),
    Rule(
        Reason.CLAIM_UNBOUND,
        _ANY,
        r"unbound immediate PersistentVolumeClaims|bound to non-existent p|persistentvolumeclaim \S+ is not bound",
        "pkg/scheduler/framework/plugins/volumebinding",
    ),
    Rule(
        Reason.SECRET_MISSING,
        _ANY,
        r"secrets? \S+ not found|couldn't find key \S+ in Secret|references non-existent secret key",
        "pkg/kubelet/kubelet_pods.go, pkg/volume/secret",
    ),
    Rule(
        Reason.CONFIG_MAP_MISSING,
        _ANY,
        r"configmaps? \S+ not found|couldn't find key \S+ in ConfigMap|references non-existent config key",
        "pkg/kubelet/kubelet_pods.go, pkg/volume/configmap",
    ),
    # The kubelet and the container runtime.
    Rule(Reason.IMAGE_UNAVAILABLE, "ErrImageNeverPull|InvalidImageName", _ANY, "pkg/kubelet/images/types.go"),
    Rule(
        Reason.IMAGE_UNAVAILABLE,
        _IMAGE,
        r"not found|manifest unknown|does not exist|unauthorized|denied|authentication|authorization|forbidden|no basic auth"
        r"|no match for platform|no matching manifest|signature|invalid reference",
        "pkg/kubelet/images/image_manager.go, messages of the registry",
    ),
    Rule(Reason.IMAGE_PULL_FAILING, _IMAGE, _ANY, "pkg/kubelet/images/types.go"),
    Rule(
        Reason.CONTAINER_CONFIG_INVALID, "CreateContainerConfigError", _ANY, "pkg/kubelet/kuberuntime/kuberuntime_container.go"
    ),
    Rule(Reason.OUT_OF_MEMORY, "OOMKilled", _ANY, "pkg/kubelet/kuberuntime/helpers.go"),
    Rule(
        Reason.CONTAINER_NOT_STARTED,
        r"CreateContainerError|RunContainerError|ContainerCannotRun|StartError|\w*HookError|\w*PodSandbox\w*|KillContainerError",
        _ANY,
        "pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/container/sync_result.go, containerd",
    ),
    Rule(Reason.OUT_OF_MEMORY, "Evicted", r"low on resource: memory", "pkg/kubelet/eviction/helpers.go"),
    Rule(
        Reason.POD_EVICTED,
        r"Evicted|Preempt\w*|NodeLost|Shutdown|NodeShutdown|Terminated|TerminationByKubelet|DeletionByTaintManager|DeletionByPodGC"
        r"|EvictionByEvictionAPI|PreemptionByScheduler",
        _ANY,
        "pkg/kubelet/eviction, pkg/kubelet/nodeshutdown, pkg/kubelet/preemption, pkg/controller/tainteviction",
    ),
    Rule(
        Reason.NODE_REFUSED,
        r"UnexpectedAdmissionError|OutOf\S+|NodeAffinity|NodeSelectorMismatch\w*|TaintToleration|NodePorts|TopologyAffinityError"
        r"|\w*PodOS\w*|PodFeatureUnsupported|SysctlForbidden|AppArmor|SMTAlignmentError|NodeName|InvalidNodeInfo|AdmissionFailed",
        _ANY,
        "pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/cm/topologymanager",
    ),
    # The scheduler, its controllers.
    Rule(Reason.SCHEDULING_GATED, "SchedulingGated", _ANY, "api/core/v1/types.go PodReasonSchedulingGated"),
    Rule(Reason.UNSCHEDULABLE, "Unschedulable|SchedulerError", _ANY, "pkg/scheduler/schedule_one.go"),
    Rule(Reason.READINESS_GATE_CLOSED, "ReadinessGatesNotReady", _ANY, "pkg/kubelet/status/generate.go"),
    Rule(Reason.PROGRESS_DEADLINE_EXCEEDED, "ProgressDeadlineExceeded", _ANY, "pkg/controller/deployment/util"),
)

_FLAGS = re.IGNORECASE | re.DOTALL
_COMPILED = tuple((re.compile(rule.word, _FLAGS), re.compile(rule.text, _FLAGS), rule.reason) for rule in RULES)

# What differs from try to try, with what stands in its place: a message must not change while the problem does not.
_UNSTABLE = (
    (re.compile(r'\bpods? "[^"]*" (is|are) forbidden'), "pods are forbidden"),
    (re.compile(r"\bback-off \S+ restarting failed container.*", re.DOTALL), ""),
    (re.compile(r'^ImagePullBackOff: Back-off pulling image "[^"]*": (?=ErrImagePull: )'), ""),
    (re.compile(r"\b[a-z0-9.-]+_[a-z0-9-]+\([0-9a-f-]{36}\)"), "the pod"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "ID"),
)


def reason_for(word: str, message: str, otherwise: Reason) -> Reason:
    """The reason for a component's words; ``otherwise`` where no rule knows them."""
    return _known(word, message) or otherwise


@lru_cache(maxsize=512)  # a problem is read again with every event of its pod
def _known(word: str, message: str) -> Reason | None:
    return next((reason for name, text, reason in _COMPILED if name.fullmatch(word) and text.search(message)), None)


def stable_words(word: str, message: str) -> str:
    """``word: message`` without what changes from try to try."""
    words = f"{word}: {message}".strip(": ")
    for pattern, stand_in in _UNSTABLE:
        words = pattern.sub(stand_in, words)
    return words.strip(": ")

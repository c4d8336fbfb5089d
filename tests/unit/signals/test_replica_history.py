"""Who was a replica is known for as long as Prometheus may show its samples, and no longer."""

from __future__ import annotations

from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.replica_history import FORGOTTEN_SECONDS, RecentPods
from modelmatrix.signals.scrape_coverage import ReplicaTarget

KEY = NamespacedName("bank", "assistant")
A, B = (
    ReplicaTarget(pod, f"uid-{pod}", "ascend-a", "vLLM-Ascend", builtin().dialects["vllm"], age_seconds=900, ready_seconds=600)
    for pod in "ab"
)


def test_a_replica_that_goes_was_one() -> None:
    recent_pods = RecentPods()
    assert recent_pods.update(KEY, [A, B], {"a", "b"}, 0) == frozenset()
    assert recent_pods.update(KEY, [A], {"a", "b"}, 15) == {"b"}


def test_it_is_known_while_it_is_shown_and_for_a_while_after() -> None:
    recent_pods = RecentPods()
    recent_pods.update(KEY, [A, B], {"a", "b"}, 0)
    recent_pods.update(KEY, [A], {"a", "b"}, 1000)
    assert recent_pods.update(KEY, [A], {"a"}, 1000 + FORGOTTEN_SECONDS) == {"b"}
    assert recent_pods.update(KEY, [A], {"a", "b"}, 1001 + FORGOTTEN_SECONDS) == {"b"}, "a gap is no end"
    assert recent_pods.update(KEY, [A], {"a"}, 1002 + 2 * FORGOTTEN_SECONDS) == frozenset()


def test_pods_that_were_never_replicas_stay_strangers() -> None:
    recent_pods = RecentPods()
    recent_pods.update(KEY, [A], {"a", "copycat"}, 0)
    assert recent_pods.update(KEY, [A], {"a", "copycat"}, 15) == frozenset()


def test_deployments_that_are_gone_are_forgotten() -> None:
    recent_pods = RecentPods()
    recent_pods.update(KEY, [A, B], (), 0)
    recent_pods.prune(but=())
    assert recent_pods.update(KEY, [A], (), 15) == frozenset()

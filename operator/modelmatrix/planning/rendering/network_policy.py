"""The NetworkPolicy of a deployment: everybody reaches the API and the metrics, its own pods reach each other, and no more.

Ports of management and of collectives have neither keys nor TLS. Probes need no rule: a node always reaches its pods. Pods on
the host's network are beyond any NetworkPolicy.
"""

from __future__ import annotations

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import Owner
from modelmatrix.planning.rendering.workloads import RenderingCache, Template, owned_metadata, with_digest
from modelmatrix.planning.snapshot.views import NamespacedName

_SUFFIX = "-engine"


def network_policy_key(owner: Owner) -> NamespacedName:
    """Where it is: not under the deployment's own name, which policies of the namespace's admins may have."""
    return NamespacedName(owner.namespace, f"{owner.name}{_SUFFIX}")


def network_policy_template(owner: Owner, open_ports: tuple[int, ...], cache: RenderingCache) -> Template:
    """The whole policy; ``open_ports`` are reached by everybody too, e.g. that of a service mesh."""
    key = network_policy_key(owner)
    last = cache.network_policies.get(key)
    if last is not None and last[:2] == (owner, open_ports):
        return last[2]
    template = with_digest(_network_policy(owner, open_ports))
    cache.network_policies.put(key, (owner, open_ports, template))
    return template


def _network_policy(owner: Owner, open_ports: tuple[int, ...]) -> Manifest:
    pods = {"matchLabels": {names.LABEL_DEPLOYMENT: owner.name}}
    ports = ("http", "metrics", *open_ports)  # an engine without a port of its own for metrics has none of that name
    return {
        "apiVersion": names.NETWORK_POLICIES.api_version,
        "kind": names.NETWORK_POLICIES.kind,
        "metadata": owned_metadata(owner, network_policy_key(owner).name),
        "spec": {
            "podSelector": pods,
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": port, "protocol": "TCP"} for port in ports]},
                {"from": [{"podSelector": pods}]},
            ],
        },
    }

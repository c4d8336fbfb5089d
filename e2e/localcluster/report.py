"""Describes a cluster as text, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcluster.cluster import Cluster


def describe(cluster: Cluster) -> str:
    """The processes with their pids, the addresses, and the shell line that makes kubectl use the cluster."""
    state = cluster.state
    lines = [f"Cluster {state.cluster!r} in {cluster.folder.path}"]
    for record in state.processes.values():
        running = f"pid {record.identity.pid}" if record.identity and record.is_running() else "not running"
        lines.append(f"  {record.name:<26} {running}")
    lines += [
        f"  API server    {state.url}",
        f"  Prometheus    {state.prometheus_url} (scrapes every {state.scrape_interval_seconds:g} s)",
        f"  engines port  {state.ports['engines']}",
        f"  kubeconfig    {cluster.kubeconfig}",
        f"  logs          {cluster.folder.logs}",
        f"Use it:  export KUBECONFIG={cluster.kubeconfig} PATH={cluster.bin('kubectl').parent}:$PATH",
    ]
    return "\n".join(lines)

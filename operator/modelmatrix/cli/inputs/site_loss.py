"""The nodes that a what-if plan takes away: those of a site, or single ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects

Labels = Mapping[str, str]


def lost_nodes(cluster: ClusterObjects, site: str | None, nodes: Collection[str]) -> set[str]:
    """Names of the nodes that are lost; a site loses all nodes that the selectors of its pools match.

    Raises:
        CliError: there is no such site or node.
    """
    labels_by_name: dict[str, Labels] = {
        node["metadata"]["name"]: node["metadata"].get("labels") or {} for node in cluster.objects.get("nodes", [])
    }
    unknown = sorted(set(nodes) - labels_by_name.keys())
    if unknown:
        raise CliError(f"there is no node {', '.join(unknown)}")
    selectors = _selectors_of(cluster, site) if site else []
    on_site = {
        name for name, labels in labels_by_name.items() if any(selector.items() <= labels.items() for selector in selectors)
    }
    return on_site | set(nodes)


def _selectors_of(cluster: ClusterObjects, site: str) -> list[Labels]:
    specs = [pool["spec"] for pool in cluster.objects.get("acceleratorpools", [])]
    selectors = [spec["nodeSelector"] for spec in specs if spec.get("site") == site]
    if not selectors:
        known = sorted({spec["site"] for spec in specs if spec.get("site")})
        raise CliError(f"no pool is on site '{site}'; there are: {', '.join(known) or 'none'}")
    return selectors

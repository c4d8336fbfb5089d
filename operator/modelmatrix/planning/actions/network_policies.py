"""NetworkPolicies of the fleet: one for each deployment that serves, or none where the operator's setting is off. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelmatrix.api import names
from modelmatrix.planning.actions.action import Action, Delete
from modelmatrix.planning.actions.diff import IntactChecks, dependent_actions, serves
from modelmatrix.planning.inventory.ownership import owned_dependent
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.rendering.network_policy import network_policy_key, network_policy_template
from modelmatrix.planning.rendering.workload_target import owner_of
from modelmatrix.planning.rendering.workloads import RenderingCache
from modelmatrix.planning.snapshot.snapshot import Snapshot


def network_policy_actions(
    deployments: Iterable[DeploymentPlan], snapshot: Snapshot, cache: RenderingCache, checks: IntactChecks
) -> Iterator[Action]:
    """The actions after which every deployment that serves has its policy, and with the setting off none has."""
    stored = {policy.key: policy for policy in snapshot.network_policies}
    open_ports = snapshot.settings.open_ports
    for deployment in deployments:
        owner = owner_of(deployment.view)
        observed = owned_dependent(deployment.view, stored.get(network_policy_key(owner)))
        if open_ports is not None and serves(deployment):
            template = network_policy_template(owner, open_ports, cache)
            yield from dependent_actions(names.NETWORK_POLICIES, template, observed, checks, deployment=deployment.key)
        elif open_ports is None and observed is not None and not observed.deleting:
            yield Delete(names.NETWORK_POLICIES, observed.key, deployment.key, observed.uid)

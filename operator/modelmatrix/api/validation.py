"""Contradictions that the CEL rules of the CRD reject, for specs that no API server has checked, such as those of files."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling, ServiceLevelObjective


def contradictions(spec: ModelDeploymentSpec) -> Iterator[str]:
    """The messages of the CEL rules that the spec violates, with the same wording as the API server."""
    if spec.scaling is not None:
        if spec.replicas != 1:
            bounds = f"between {spec.scaling.min_replicas} and {spec.scaling.max_replicas}"
            yield f"replicas {spec.replicas} beside scaling: leave replicas out, scaling decides {bounds}"
        yield from _of_scaling(spec.scaling)
    if spec.slo is not None:
        yield from _of_slo(spec.slo)


def _of_scaling(scaling: Scaling) -> Iterator[str]:
    if scaling.min_replicas > scaling.max_replicas:
        yield f"minReplicas {scaling.min_replicas} is above maxReplicas {scaling.max_replicas}"
    above = [window.name for window in scaling.schedule if window.min_replicas > scaling.max_replicas]
    if above:
        yield f"a schedule window asks for more than maxReplicas {scaling.max_replicas}: [{', '.join(above)}]"


def _of_slo(slo: ServiceLevelObjective) -> Iterator[str]:
    if slo.ttft_milliseconds is None and slo.tpot_milliseconds is None and slo.e2e_milliseconds is None:
        yield (f"slo with percentile {slo.percentile} has no bound: set ttftMilliseconds, tpotMilliseconds or e2eMilliseconds")

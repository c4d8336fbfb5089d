"""The simulated engines of a playground, with timing and limits of each pod from the operator's own catalogue.

``python -m playground.engines`` is ``python -m engines`` with those profiles.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import lru_cache

from engines.__main__ import parse
from engines.cluster.kubeconfig import read_kubeconfig
from engines.cluster.pods import PodView
from engines.process import Options, run_engines
from engines.profiles import EngineProfile, ProfileOf, load_profiles
from modelmatrix.api import names
from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.fit import FitRequest, fit
from modelmatrix.simulation.cluster.variant import StartTime

_log = logging.getLogger(__name__)
MAX_MODEL_LEN = "--max-model-len"
MAX_NODES = 16  # the most nodes of a layout: the pod exists, so the planner has accepted its layout


def catalogue_profiles() -> ProfileOf:
    """Profiles by the model, accelerator and parallelism in a pod's annotations; defaults for pods without them."""
    default_profiles = load_profiles(None)

    def profile_of(pod: PodView) -> EngineProfile:
        annotations = pod.annotations
        model, accelerator_id = annotations.get(names.ANNOTATION_MODEL), annotations.get(names.ANNOTATION_ACCELERATOR)
        parallelism = annotations.get(names.ANNOTATION_PARALLELISM, "")
        if not model or not accelerator_id or not parallelism:
            return default_profiles(pod)
        profile = _profile(
            model, accelerator_id, pod.labels.get(names.LABEL_QUANTIZATION, ""), parallelism, pod.engine, _length(pod)
        )
        return profile or default_profiles(pod)

    return profile_of


@lru_cache(maxsize=256)
def _profile(
    model: str, accelerator_id: str, quantization: str, parallelism: str, engine: str, max_model_len: int | None
) -> EngineProfile | None:
    catalogue = builtin()
    accelerator, known = catalogue.accelerator(accelerator_id), catalogue.model(model)
    if accelerator is None or known is None:
        return None
    tensor, pipeline, data, expert = (int(part) for part in parallelism.split(","))
    request = FitRequest(
        model=known,
        quantization=Quantization(quantization),
        scheme=Scheme.PVC,
        engine=engine,
        parallelism=(tensor, pipeline, data, expert),
        max_model_len=max_model_len,
        unlisted=UnlistedPolicy.ALLOW,
        accelerator=accelerator,
        devices_per_node=accelerator.devices_per_node,
        nodes=MAX_NODES,
    )
    result = fit(catalogue, request)
    if result.performance is None:
        return None
    return EngineProfile(*result.performance, StartTime(result.start_seconds, 0.0))


def _length(pod: PodView) -> int | None:
    arguments = list(pod.arguments)
    if MAX_MODEL_LEN not in arguments[:-1]:
        return None
    return int(arguments[arguments.index(MAX_MODEL_LEN) + 1])


def main() -> int:
    """Simulate engines until a signal; returns the exit code."""
    parsed = parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    options = Options(
        access=read_kubeconfig(parsed.kubeconfig),
        port=parsed.port,
        profile_of=catalogue_profiles(),
        time_scale=parsed.time_scale,
        schedule=parsed.schedule,
    )
    asyncio.run(run_engines(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The simulated engines of a playground: what each pod can do follows from the product's own catalogue.

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
NODES = 16  # as many as a layout may have: the pod exists, so its layout was judged before


def catalogue_profiles() -> ProfileOf:
    """Profiles by what a pod's annotations and labels say that it runs; defaults for other pods."""
    otherwise = load_profiles(None)

    def profile_of(pod: PodView) -> EngineProfile:
        notes = pod.annotations
        model, chip = notes.get(names.ANNOTATION_MODEL), notes.get(names.ANNOTATION_ACCELERATOR)
        cut = notes.get(names.ANNOTATION_PARALLELISM, "")
        if not model or not chip or not cut:
            return otherwise(pod)
        found = _profile(model, chip, pod.labels.get(names.LABEL_QUANTIZATION, ""), cut, pod.engine, _length(pod))
        return found or otherwise(pod)

    return profile_of


@lru_cache(maxsize=256)
def _profile(
    model: str, chip: str, quantization: str, cut: str, engine: str, max_model_len: int | None
) -> EngineProfile | None:
    catalogue = builtin()
    accelerator, known = catalogue.accelerator(chip), catalogue.model(model)
    if accelerator is None or known is None:
        return None
    tensor, pipeline, data, expert = (int(part) for part in cut.split(","))
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
        nodes=NODES,
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
    """Play until stopped."""
    found = parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    options = Options(
        access=read_kubeconfig(found.kubeconfig),
        port=found.port,
        profile_of=catalogue_profiles(),
        time_scale=found.time_scale,
        schedule=found.schedule,
    )
    asyncio.run(run_engines(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())

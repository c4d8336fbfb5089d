"""The control plane of fault plans: the chart, nodes whose pods are Ready at once, a proxy, and two operators behind it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from faults.life import canaries, estate
from faults.observer import Observer
from faults.operators import run_fast
from faults.proxy import Proxy
from faults.runner import Runner
from localcluster import shutdown, startup
from localcluster.cluster import Cluster
from localcluster.options import Options
from localcluster.progress import Progress
from playground import installation


@contextmanager
def control_plane(name: str, progress: Progress | None = None) -> Iterator[Cluster]:
    """A new cluster with the chart, and with what the fleet's life needs."""
    options = Options(name=name, fast_pods=True)
    shutdown.down(options)
    try:
        yield startup.up(options, hooks=[_prepare], progress=progress)
    finally:
        shutdown.down(options)


def _prepare(cluster: Cluster) -> None:
    installation.install(cluster, time_scale=1, time_origin=time.time())
    cluster.kubectl("delete", "validatingwebhookconfiguration", installation.RELEASE)  # no operator answers it here
    cluster.kubectl("-n", installation.NAMESPACE, "delete", "deployment", installation.RELEASE)
    cluster.apply([*estate(), *canaries()])


@asynccontextmanager
async def running(cluster: Cluster) -> AsyncIterator[Runner]:
    """A runner on a cluster, ready for plans."""
    access = (cluster.url, str(cluster.folder.authority), cluster.token("admin"))
    proxy, observer = Proxy(*access), Observer(*access)
    undo = run_fast()
    await proxy.open()
    await observer.open()
    runner = Runner(proxy, observer, time.time())
    try:
        await runner.start()
        yield runner
    finally:
        await runner.stop()
        await observer.close()
        await proxy.close()
        undo()

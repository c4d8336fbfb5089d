"""Starts a Prometheus with backfilled series and scrape jobs, and removes it afterwards."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from localcluster.build.programs import Programs
from localcluster.errors import LocalClusterError
from localcluster.paths import cache_root
from localcluster.processes import ports
from signals.backfill import BackfilledSeries

PATIENCE_SECONDS = 60.0


@contextmanager
def prometheus(
    programs: Programs, folder: Path, past: BackfilledSeries | None = None, scrape: Sequence[dict[str, Any]] = ()
) -> Iterator[str]:
    """The URL of a Prometheus with backfilled series and scrape jobs, while the context is open."""
    data = folder / "data"
    if past is not None:
        text = past.write(folder / "past.txt")
        programs.run("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(data))
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": list(scrape)}))
    owner = folder / "port-reserved"
    owner.touch()
    port = ports.reserve(["prometheus"], owner=owner, registry=cache_root() / "ports")["prometheus"]
    argv = [
        str(programs.path("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/-/ready", process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            owner.unlink()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise LocalClusterError("Prometheus did not start.", why=log.read_text(errors="replace")[-2000:])

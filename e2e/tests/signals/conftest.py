"""One Prometheus for all tests of this folder: each of them looks at a namespace of its own."""

from __future__ import annotations

import sys

import pytest

from localcluster.build.artifacts import ARTIFACTS
from localcluster.build.builder import build_missing
from localcluster.build.programs import Programs
from localcluster.progress import Progress


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Prometheus and promtool, built if need be."""
    wanted = [artifact for artifact in ARTIFACTS if artifact.name in {"prometheus", "promtool"}]
    return build_missing(Progress(sys.stderr, live=False), artifacts=wanted)

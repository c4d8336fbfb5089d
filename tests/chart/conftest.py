"""The real helm, for every test of the chart."""

from __future__ import annotations

import pytest

from localcluster.build.builder import build_missing
from localcluster.build.programs import Programs
from localcluster.progress import on_standard_output


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The real helm."""
    return build_missing(on_standard_output())

"""Golden files and hypothesis profiles for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=1000)
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

Golden = Callable[[str, Any], None]


class _Dumper(yaml.SafeDumper):
    """A YAML dumper for reviewable files: no aliases, no sorting."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class names it
        return True


_Dumper.add_multi_representer(str, lambda dumper, text: dumper.represent_str(str(text)))  # members of enumerations


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-update", action="store_true", help="rewrite golden files instead of comparing with them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a value with ``golden/NAME.yaml``, or writes it there with ``--golden-update``."""
    update = request.config.getoption("--golden-update")

    def check(name: str, value: Any) -> None:
        path = GOLDEN / f"{name}.yaml"
        text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: run pytest with --golden-update and review what it writes"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: run pytest with --golden-update and review"

    return check

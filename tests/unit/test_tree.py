"""The shape of the source tree: small folders, and every unit test beside the name of the module that it tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = Path(__file__).parent
MOST_MODULES = 14

# Tests of a behaviour of several modules, named after the behaviour.
BEHAVIOURS = {
    "benchmark/test_regression_run.py",
    "catalogue/test_data.py",
    "catalogue/test_new_vendor.py",
    "catalogue/test_sizes.py",
    "catalogue/test_truth_table.py",
    "cli/commands/test_examples.py",
    "cli/inputs/test_bad_input.py",
    "control/test_faults.py",
    "docs/test_paths.py",
    "engines/test_files.py",
    "localcluster/components/test_configuration.py",
    "performance/test_engine_timing_queueing.py",
    "planning/desired/test_floor_windows.py",
    "planning/feasibility/test_refusals.py",
    "planning/placement/test_scale_down.py",
    "planning/rendering/test_device_files.py",
    "planning/rendering/test_flags.py",
    "planning/rendering/test_manifests.py",
    "planning/status/test_measured.py",
    "planning/status/test_wake_signal.py",
    "scaling/test_invariants.py",
    "signals/test_dialects.py",
    "simulation/engine/test_replica_stepwise.py",
    "test_tree.py",
}


def is_module(path: Path) -> bool:
    """A module, a package, or the ``__main__`` that a ``test_main.py`` tests."""
    return (
        path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() or (path.parent / f"__{path.name}__.py").is_file()
    )


def test_no_folder_has_more_modules_than_a_reader_can_survey() -> None:
    folders: dict[Path, int] = {}
    for tree in ("operator", "e2e", "tests"):
        for module in (ROOT / tree).rglob("*.py"):
            if module.name not in ("__init__.py", "conftest.py"):
                folders[module.parent] = folders.get(module.parent, 0) + 1
    assert {str(folder.relative_to(ROOT)): number for folder, number in folders.items() if number > MOST_MODULES} == {}


def test_the_operator_folder_is_not_a_package() -> None:
    # operator is also a module of the standard library, which such a package would hide.
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_every_unit_test_has_the_path_of_its_module_or_is_a_known_behaviour() -> None:
    unknown = set()
    for test in UNIT.rglob("test_*.py"):
        module = test.relative_to(UNIT).with_name(test.stem.removeprefix("test_"))
        if not is_module(ROOT / "operator" / "modelmatrix" / module) and not is_module(ROOT / "e2e" / module):
            unknown.add(test.relative_to(UNIT).as_posix())
    assert unknown - BEHAVIOURS == set()


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("timeout")) <= 300

"""The modules that guard what must not go wrong, and the tests of each: its own, then those of its folder and behaviours."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
OPERATOR = ROOT / "operator" / "modelmatrix"
UNIT = ROOT / "tests" / "unit"

# Names of modules, or of folders with all of their modules.
SAFETY = (
    "cluster/client.py",
    "cluster/informer.py",
    "cluster/leader_election.py",
    "cluster/writers",
    "planning/actions",
    "planning/disruption",
    "planning/evidence",
    "planning/inventory",
    "planning/placement",
    "planning/status/conditions.py",
    "planning/status/deployment_status.py",
    "planning/status/events.py",
    "planning/status/pool_status.py",
    "planning/status/ready.py",
    "signals/replica_history.py",
    "control/loop.py",
    "main.py",
)
# Tests of behaviours, by the beginning of a module's name.
BEHAVIOURS = {
    "planning/": ("tests/scenarios",),
    "cluster/": ("tests/unit/test_main.py",),
    "signals/": ("tests/unit/signals", "tests/unit/control/autoscaler"),
    "control/": ("tests/unit/control", "tests/unit/test_main.py"),
    "main.py": ("tests/unit/test_main.py", "tests/unit/control"),
}


def safety_modules() -> list[str]:
    """Paths below the operator's package, of those that exist."""
    found: set[Path] = set()
    for name in SAFETY:
        path = OPERATOR / name
        found |= set(path.glob("*.py")) if path.is_dir() else {path}
    return sorted(path.relative_to(OPERATOR).as_posix() for path in found if path.is_file() and path.name != "__init__.py")


def stages(module: str) -> list[list[str]]:
    """Paths of tests, the most telling ones first: a mutant that dies early costs little."""
    path = Path(module)
    own, folder = UNIT / path.parent / f"test_{path.name}", UNIT / path.parent
    wide = next((paths for start, paths in BEHAVIOURS.items() if module.startswith(start)), ())
    first = [str(own)] if own.is_file() else []
    second = [str(folder)] if folder.is_dir() and path.parent != Path() else []
    third = [str(ROOT / name) for name in wide if (ROOT / name).exists()]
    return [stage for stage in (first, second, third) if stage]

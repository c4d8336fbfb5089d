"""Whether tests notice a mutant: they run in a child of this process, to which the module is what the mutant makes of it."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from mutants.modules import ROOT, stages
from mutants.mutate import Mutant

SECONDS_PER_STAGE = 600.0
_POLL_SECONDS = 0.02
# This process has imported plugins that pytest would like to rewrite first, which its settings make an error.
_OPTIONS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not cluster", "-W", "ignore:Module already imported")
_NO_TESTS = 5
_BROKEN_RUNS = (3, 4)  # an error of pytest, or of how it is called


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a source that is nowhere on disk."""

    def __init__(self, mutant: Mutant) -> None:
        parts = Path("modelmatrix", mutant.module).with_suffix("").parts
        self._name, self._mutant = ".".join(parts), mutant

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(ROOT / "operator/modelmatrix" / self._mutant.module))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / "operator/modelmatrix" / self._mutant.module)
        exec(compile(self._mutant.source, module.__file__, "exec"), module.__dict__)  # noqa: S102 - that is a mutant


def is_killed(mutant: Mutant, useless: Collection[tuple[str, ...]] = ()) -> bool:
    """Whether a test fails, or runs for ever; stages that are ``useless`` are left out."""
    return any(fails(mutant, paths) for paths in stages(mutant.module) if tuple(paths) not in useless)


def fails(mutant: Mutant, paths: Sequence[str]) -> bool:
    child = os.fork()
    if not child:
        _run_tests(mutant, paths)
    deadline = time.monotonic() + SECONDS_PER_STAGE
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code in _BROKEN_RUNS:
                raise RuntimeError(f"pytest could not run {paths}: exit code {code}")
            return code not in (0, _NO_TESTS)
        time.sleep(_POLL_SECONDS)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _forget_own_modules() -> None:
    """What this process has imported of the repository is imported anew, by way of the mutant."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(str(ROOT)) and "site-packages" not in path and not name.startswith("mutants"):
            del sys.modules[name]


def _run_tests(mutant: Mutant, paths: Sequence[str]) -> None:
    """In the child: never returns."""
    import pytest  # noqa: PLC0415 - the parent has it already

    code = 3
    os.setpgid(0, 0)
    with Path(os.devnull).open("w") as nothing, contextlib.suppress(BaseException):
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        os.environ["CI"] = "1"  # the examples of hypothesis are the same each time
        _forget_own_modules()
        sys.meta_path.insert(0, _Finder(mutant))
        code = int(pytest.main([*_OPTIONS, *paths]))
    os._exit(code)

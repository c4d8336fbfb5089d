"""Functions of the fluid mode and of the bound, compiled: the same source, a hundred times faster.

Nothing is written twice: the functions of a module are taken as they are and see each other compiled. Machine code is kept in
the benchmark's cache, under the digest of its sources: the compiler itself would only look at the time of a file.
"""

from __future__ import annotations

import os
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from benchmark.paths import CACHE
from benchmark.sources import digest
from modelmatrix.simulation.fluid import steps as fluid_steps
from modelmatrix.simulation.fluid.environment import FluidKernel


@cache
def machinery() -> FluidKernel:
    """What computes the seconds of a fluid environment."""
    compiled = functions(fluid_steps)
    return FluidKernel(
        advance=compiled[fluid_steps.advance.__name__], drop_share=compiled[fluid_steps.drop_share.__name__], zeros=np.zeros
    )


@cache
def functions(module: ModuleType) -> dict[str, Any]:
    """A module's functions, each compiled and calling the compiled others."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE / "numba" / digest(fluid_steps.__name__, "benchmark.bound.dynamic")))
    from numba import njit  # noqa: PLC0415 - after the place of its cache is known

    space = dict(vars(module))
    for name, function in vars(module).items():
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            twin = FunctionType(function.__code__, space, name, function.__defaults__)
            twin.__module__ = module.__name__
            space[name] = njit(twin, cache=True)
    return space

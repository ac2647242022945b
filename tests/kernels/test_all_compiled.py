"""No kernel is left to the interpreter: a forgotten decorator is a thousand times slower and says nothing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from numba.core.registry import CPUDispatcher

from sen4cap_core import kernels

IN_NUMPY = {
    "sen4cap_core.kernels.grass_thresholds.demand_of_days",
    "sen4cap_core.kernels.mowing_compliance.evaluate_compliance",
}
"""Over whole arrays, without a loop over their elements."""


def test_every_function_of_the_kernels_is_compiled() -> None:
    plain, n_compiled = set(), 0
    for module in pkgutil.iter_modules(kernels.__path__, f"{kernels.__name__}."):
        if module.name.endswith(".compiling"):
            continue
        for name, member in vars(importlib.import_module(module.name)).items():
            n_compiled += isinstance(member, CPUDispatcher)
            if inspect.isfunction(member) and member.__module__ == module.name:
                plain.add(f"{module.name}.{name}")
    assert plain == IN_NUMPY
    assert n_compiled > 50

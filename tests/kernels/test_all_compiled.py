"""No kernel is left to the interpreter: a forgotten decorator is a thousand times slower and says nothing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from numba.core.registry import CPUDispatcher

from sen4cap_core import kernels

PLAIN = {
    "sen4cap_core.kernels.outlines.cell_interpolation.corners_of",
    "sen4cap_core.kernels.grass.thresholds.demand_of_days",
    "sen4cap_core.kernels.mowing.compliance.evaluate_compliance",
    "sen4cap_core.kernels.practices.evaluate.room_to_judge",
    "sen4cap_core.kernels.tables.json_objects._short_escapes",
}
"""Over whole arrays, without a loop over their elements; the last makes a constant."""
OF_COMPILERS = (".compiling", ".registers")
"""Modules whose functions have kernels compiled, or write their instructions."""


def test_every_function_of_the_kernels_is_compiled() -> None:
    plain, n_compiled = set(), 0
    for module in pkgutil.walk_packages(kernels.__path__, f"{kernels.__name__}."):
        if module.name.endswith(OF_COMPILERS):
            continue
        for name, member in vars(importlib.import_module(module.name)).items():
            n_compiled += isinstance(member, CPUDispatcher)
            if inspect.isfunction(member) and member.__module__ == module.name:
                plain.add(f"{module.name}.{name}")
    assert plain == PLAIN
    assert n_compiled > 50

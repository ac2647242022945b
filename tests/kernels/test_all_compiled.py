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
    "sen4cap_core.kernels.radar.taps._weigh_samples",
}
"""Over whole arrays, without a loop over their elements; the last two make a constant, and machine code."""


def test_every_function_of_the_kernels_is_compiled() -> None:
    plain, n_compiled = set(), 0
    for module in pkgutil.walk_packages(kernels.__path__, f"{kernels.__name__}."):
        if module.name.endswith(".compiling"):
            continue
        for name, member in vars(importlib.import_module(module.name)).items():
            n_compiled += isinstance(member, CPUDispatcher)
            if inspect.isfunction(member) and member.__module__ == module.name:
                plain.add(f"{module.name}.{name}")
    assert plain == PLAIN
    assert n_compiled > 50

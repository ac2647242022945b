"""After the warming up the first declarations that come have nothing to compile."""

from __future__ import annotations

import sys
from pathlib import Path

from numba.core.dispatcher import Dispatcher

from sen4cap_core.declarations.parcels.identity import Given
from sen4cap_core.declarations.parcels.prepare import prepare_parcels
from sen4cap_core.declarations.parcels.reading import read_declarations
from sen4cap_core.declarations.parcels.warming import compile_kernels
from sen4cap_core.simulation.uploads import write_shapefile_zip
from tests.steps.conftest import fields


def compiled() -> dict[str, int]:
    """For how many types each kernel was compiled, or loaded, in this process."""
    rooms = [room for name, room in sys.modules.items() if name.startswith("sen4cap_core.kernels.")]
    found = {one for room in rooms for one in vars(room).values() if isinstance(one, Dispatcher)}
    return {f"{one.py_func.__module__}.{one.py_func.__name__}": len(one.signatures) for one in found}


def test_nothing_is_left_to_compile(tmp_path: Path) -> None:
    compile_kernels()
    before = compiled()
    path = tmp_path / "parcels.zip"
    write_shapefile_zip(path, fields(), "parcels")
    assert len(prepare_parcels(read_declarations(path), Given(), Given())) == 4
    assert compiled() == before
    assert before["sen4cap_core.kernels.outlines.wkb.find_plain"] > 0

"""A program in the place of SNAP's gpt that writes what its graphs say, or does not."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.float_cog import write_float_cog

STAND_IN = f"""#!{sys.executable} -S
import shutil
import sys
import time
from pathlib import Path
from xml.etree.ElementTree import parse

graph = parse(sys.argv[1]).getroot()
assert sys.argv[2:] == ["-c", "1G", "-e"]
for node in graph.iter("node"):
    file = node.findtext("parameters/file")
    if node.findtext("operator") == "Read" and not Path(file).exists():
        sys.exit(f"{{file}} does not exist")
    if node.findtext("operator") != "Write":
        continue
    if MODE == "fail":
        print("Error: Operator Back-Geocoding: out of heap space")
        sys.exit(1)
    if MODE == "hang":
        time.sleep(600)
    if MODE == "lie":
        continue
    path = Path(file)
    if path.suffix != ".dim":
        shutil.copy(MADE, path)
        continue
    path.write_text("<Dimap_Document/>")
    path.with_suffix(".data").mkdir()
    if MODE != "half":
        (path.with_suffix(".data") / "i_VV.img").write_bytes(b"1")
"""


def stand_in(folder: Path, mode: str = "write") -> str:
    """Write the program; ``mode``: write, fail, hang, lie, half, garbage or elsewhere."""
    program, made = folder / "gpt", folder / "made.tif"
    if mode == "garbage":
        made.write_bytes(b"no raster")
    else:
        # In the middle of tile 33TTG.
        grid = Grid(32633, 400_000 if mode == "elsewhere" else 252_000, 4_648_000, 20.0, 280, 280)
        write_float_cog(made, grid, {"vv": np.full(grid.shape, 0.5, np.float32)})
    header = f"MODE, MADE = {mode!r}, {str(made)!r}\n"
    program.write_text(STAND_IN.replace("import sys\n", f"import sys\n{header}", 1))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)

"""Coherence of two geocoded complex bursts: computed once, kept as a raster, read for each tile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sen4cap_core import __version__
from sen4cap_core.kernels.radar.pairs import pair_coherence
from sen4cap_core.products import naming
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.passes.radar_sums import RadarInput
from sen4cap_core.rasters.writing.float_cog import write_float_cog
from sen4cap_core.scenes.radar.s1_cslc import read_cslc
from sen4cap_core.scenes.radar.s1_model import RadarPair, RadarScene
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.steps.acquisitions.subject import Subject

STRIP_ROWS = 128
"""Output rows computed together: two strips of samples of a whole burst take 90 MB."""


def coherence_of_pair(context: Context, subject: Subject, scene: RadarScene, pair: RadarPair) -> RadarInput:
    """Return the coherence raster of a pair; computed where it is not there yet.

    Raises
    ------
    UnreadableSceneError
        When one of the two files is damaged.
    """
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}"],
        {"cells": list(pair.cells), "window": list(pair.window)},
        __version__,
    )
    folder = naming.year_folder(subject.site, subject.year) / "s1-coherence"
    path = context.settings.data / folder / f"{subject.product_id}_{naming.version_of(key)}.tif"
    if not path.is_file():
        _compute(path, scene, pair)
    return RadarInput(BandSource("coh_vv", str(path), scene.grid, nodata=float("nan")), "coherence")


def _compute(path: Path, scene: RadarScene, pair: RadarPair) -> None:
    out = np.empty(scene.grid.shape, np.float32)
    cell_rows, cell_cols = pair.cells
    margin = -(-pair.window[0] // 2)
    for top in range(0, scene.grid.height, STRIP_ROWS):
        n_rows = min(STRIP_ROWS, scene.grid.height - top)
        first = max(top * cell_rows - margin, 0)
        length = (top + n_rows) * cell_rows + margin - first
        earlier, later = (read_cslc(Path(p), first, length) for p in (pair.earlier, pair.later))
        pair_coherence(
            earlier, later, top * cell_rows - first, cell_rows, cell_cols, *pair.window,
            out[top : top + n_rows],
        )  # fmt: skip
    write_float_cog(path, scene.grid, {"coh_vv": out})

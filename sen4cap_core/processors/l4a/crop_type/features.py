"""The table of features: optical and radar blocks side by side, what is missing filled and said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.processors.l4a.crop_type.model import RADAR, Features, SeasonSeries
from sen4cap_core.processors.l4a.crop_type.optical import Block, optical_blocks
from sen4cap_core.processors.l4a.crop_type.radar import radar_blocks

OPTICAL_TITLES = ("optical", "red edge")


def build_features(series: SeasonSeries, config: CropTypeConfig, *, release: bool = False) -> Features:
    """Make the features of all parcels.

    A parcel without any value of one series (an orbit that does not see it, say) gets the medians of the
    others there, which `Features.lacks` names; one without any observation is `Features.is_unknown`.

    Parameters
    ----------
    release : drop the series' arrays once they are used, which halves the memory of a country.

    Raises
    ------
    ValueError
        When the mode leaves no series at all.
    """
    remarks = []
    has_radar = any(series.has(v) for v in RADAR)
    blocks: list[Block] = []
    if config.mode != "s1-only":
        # The original looks at the red edge only where there is radar too.
        blocks += optical_blocks(
            series,
            config.optical_step_days,
            config.max_gap_days,
            with_red_edge=config.mode == "both" and has_radar,
        )
    if release:
        for key in [key for key in series.cells if key[0] not in RADAR]:
            del series.cells[key]
    if config.mode != "s2-only":
        blocks += radar_blocks(series, config.max_gap_days)
    if release:
        series.cells.clear()
    if not blocks:
        raise ValueError(f"mode {config.mode} finds no series among the observations")
    if config.mode == "both" and not has_radar:
        remarks.append("no radar series: optical features alone, without red edge, as the original")
    if config.mode == "both" and not any(block.name == "optical" for block in blocks):
        remarks.append("no optical series: radar features alone")
    return _joined(blocks, remarks)


def _joined(blocks: list[Block], remarks: list[str]) -> Features:
    n_parcels = len(blocks[0].values)
    names = tuple(name for block in blocks for name in block.names)
    widths = [len(block.names) for block in blocks]
    values = np.empty((n_parcels, sum(widths)), np.float32)
    lacks: list[tuple[str, NDArray[np.bool_]]] = []
    unknown = np.ones(n_parcels, np.bool_)
    bridged = np.zeros(n_parcels)
    at = 0
    for block, width in zip(blocks, widths, strict=True):
        values[:, at : at + width] = block.values
        is_empty = np.asarray(np.isnan(block.values).all(axis=1))
        unknown &= is_empty
        if is_empty.any():
            lacks.append((block.name, is_empty))
        bridged += block.is_bridged * width
        at += width
    for column in range(values.shape[1]):
        missing = ~np.isfinite(values[:, column])
        if missing.any():
            known = values[~missing, column]
            values[missing, column] = np.median(known) if len(known) else 0
    gaps = [block.gap_days for block in blocks if block.name in OPTICAL_TITLES]
    gap_days = np.max(gaps, axis=0) if gaps else np.full(n_parcels, -1, np.int32)
    share = (bridged / sum(widths)).astype(np.float32)
    return Features(names, values, unknown, tuple(lacks), share, gap_days, tuple(remarks))

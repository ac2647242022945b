"""Minimum, maximum, median and percentiles per parcel: unlike sums they need all pixels at once.

Each pixel of a parcel has a place of its own, so threads write without a lock and the order of blocks does
not matter. That takes 2 bytes (4 of radar) for each pixel of a parcel and each variable while a pass runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.values import keep_spans, order_statistics, place_spans
from sen4cap_core.rasters.parcels.labels import LabelSpans

STATISTICS: Final[Mapping[str, tuple[str, ...]]] = {
    "minmax": ("min", "max"),
    "median": ("median",),
    "p25": ("p25",),
    "p75": ("p75",),
}
"""What may be asked for -> endings of the columns that say it."""
_ORDER: Final = ("min", "p25", "median", "p75", "max")
_CHUNK_PIXELS: Final = 2_000_000
"""Pixels of parcels that a thread sorts at a time: 16 MB."""


class PixelValues:
    """The values of all pixels of all parcels, of several variables."""

    def __init__(self, labels: LabelSpans, missing: Mapping[str, np.int16 | np.float32]) -> None:
        """Make room.

        Parameters
        ----------
        missing : by variable the value of a pixel without one, of the type its values have
        """
        self._labels = labels
        lengths = labels.last.astype(np.int64) - labels.first + 1
        n_pixels = np.zeros(len(labels.new_ids), np.int64)
        np.add.at(n_pixels, labels.parcel, lengths)
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(n_pixels)])
        self._place = np.empty(len(labels.parcel), np.int64)
        place_spans(labels.first, labels.last, labels.parcel, self._starts[:-1], self._place)
        self._missing = dict(missing)
        self._kept = {name: np.full(self._starts[-1], value) for name, value in missing.items()}

    def keep(
        self, variable: str, values: NDArray[Any], row: int, col: int, spans: slice, zoom: int = 1
    ) -> None:
        """Keep one block's values of the parcels' pixels.

        Parameters
        ----------
        values : (rows, columns), each ``zoom`` x ``zoom`` pixels of the labels
        row, col : place of the first pixel on the labels' grid
        spans : the labels' spans of the block's rows
        """
        labels = self._labels
        keep_spans(
            values,
            zoom,
            row,
            col,
            labels.rows[spans],
            labels.first[spans],
            labels.last[spans],
            self._place[spans],
            self._kept[variable],
        )

    def statistics(
        self, variable: str, wanted: Collection[str], *, steps_per_unit: float = 1.0, threads: int = 1
    ) -> dict[str, NDArray[np.float32]]:
        """Return by ending of column (``min``, ``p25`` ...) the values (parcels,), NaN without a valid pixel.

        Parameters
        ----------
        wanted : among ``STATISTICS``
        steps_per_unit : values kept in one physical unit
        """
        kept, missing, starts = self._kept[variable], self._missing[variable], self._starts
        found = np.empty((len(starts) - 1, len(_ORDER)))

        def run(begin: int, end: int) -> None:
            raw = kept[starts[begin] : starts[end]]
            values = raw.astype(np.float64)
            values[raw == missing] = np.nan
            order_statistics(values, starts[begin : end + 1] - starts[begin], found[begin:end])

        # By pixels, not by parcels: one may have a thousand times as many as another.
        shares = np.arange(0, starts[-1], _CHUNK_PIXELS)
        bounds = np.unique([*np.searchsorted(starts, shares).tolist(), 0, len(found)])
        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(run, bounds[:-1].tolist(), bounds[1:].tolist()))
        found /= steps_per_unit
        endings = [ending for name, endings in STATISTICS.items() if name in wanted for ending in endings]
        return {ending: found[:, _ORDER.index(ending)].astype(np.float32) for ending in endings}

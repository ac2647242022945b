"""Marker tables in memory: parcels down, dated columns across."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.kernels.tables.marker_columns import put_best
from sen4cap_core.processors.markers.columns import ratio_name

ID = "NewID"
MARKER_CODES = {1: 1, 0: 0, -1: -1, -2: -3, -3: -2}
"""Our markers -> the original's in MDB3: true 1, false 0, NA -1, NA1 -2, NR -3."""


@dataclass
class WideTable:
    """Columns being filled; ``ids`` ascending."""

    ids: NDArray[np.int32]
    columns: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _best: dict[str, NDArray[np.int32]] = field(default_factory=dict)

    def put(
        self,
        name: str,
        ids: NDArray[np.int32],
        values: NDArray[np.float32],
        n_valid: NDArray[np.int32],
        factor: float = 1.0,
    ) -> None:
        """Add values of some parcels to a column; where two sets meet the one with more pixels stays."""
        if name not in self.columns:
            self.columns[name] = np.full(len(self.ids), np.nan, np.float32)
            self._best[name] = np.zeros(len(self.ids), np.int32)
        is_ours = np.isin(ids, self.ids)
        place = np.searchsorted(self.ids, ids[is_ours]).astype(np.int64)
        put_best(
            place,
            values[is_ours].astype(np.float32),
            n_valid[is_ours].astype(np.int32),
            factor,
            self.columns[name],
            self._best[name],
        )

    def to_arrow(self) -> pa.Table:
        """Return the table with its columns in order of name, NewID first; missing values are null."""
        return _to_arrow(self.ids, self.columns)


def ratio_table(mdb1: pa.Table) -> pa.Table:
    """Return MDB2: VV minus VH of each backscatter column that has both; parcels without any are left out.

    As in the original, the ``stdev`` columns are differences of standard deviations, not a deviation of the
    ratio.
    """
    ids = mdb1[ID].to_numpy()
    columns = {}
    for name in mdb1.column_names:
        ratio = ratio_name(name)
        other = name.replace("_VV_", "_VH_")
        if ratio is not None and other in mdb1.column_names:
            columns[ratio] = mdb1[name].to_numpy() - mdb1[other].to_numpy()
    has_value = np.zeros(len(ids), np.bool_)
    for values in columns.values():
        has_value |= ~np.isnan(values)
    return _to_arrow(ids[has_value], {name: values[has_value] for name, values in columns.items()})


def practice_markers(
    ids: NDArray[np.int32], markers: NDArray[np.int8], day: str, earlier: pa.Table | None
) -> pa.Table:
    """Return MDB3: M1 to M5 (R, 5) of each parcel as of a day (YYYYMMDD), beside those of an earlier table.

    Columns ``{day}_M1`` to ``{day}_M5`` int8: true 1, false 0, NA -1, NA1 -2, NR -3; -1 for parcels an
    earlier table does not know.
    """
    codes = np.array([MARKER_CODES[code - 3] for code in range(5)], np.int8)
    columns: dict[str, NDArray[np.int8]] = {}
    if earlier is not None:
        known = earlier[ID].to_numpy()
        place = np.searchsorted(known, ids).clip(max=max(0, len(known) - 1))
        is_known = known[place] == ids if len(known) else np.zeros(len(ids), np.bool_)
        for name in earlier.column_names[1:]:
            columns[name] = np.where(is_known, earlier[name].to_numpy()[place], np.int8(-1)).astype(np.int8)
    for i in range(5):
        columns[f"{day}_M{i + 1}"] = codes[markers[:, i].astype(np.int64) + 3]
    arrays = {ID: pa.array(ids, pa.int32())}
    arrays |= {name: pa.array(columns[name], pa.int8()) for name in sorted(columns)}
    return pa.table(arrays)


def _to_arrow(ids: NDArray[np.int32], columns: Mapping[str, NDArray[np.float32]]) -> pa.Table:
    arrays = {ID: pa.array(ids, pa.int32())}
    arrays |= {name: pa.array(columns[name], pa.float32(), from_pandas=True) for name in sorted(columns)}
    return pa.table(arrays)

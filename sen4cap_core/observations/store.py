"""Observation sets: one Parquet file per scene, tile, declaration set and group of variables.

Sorted by parcel.

Columns: ``parcel`` int32 (NewID), ``n_total`` int32 (pixels of the parcel on the tile), and for each variable
``<variable>_mean`` and ``<variable>_std`` float32 in physical units (std with n - 1, NaN for fewer than
two pixels; mean NaN without any) and ``<variable>_n_valid`` int32. Where site.yaml asks for ``statistics``,
also ``<variable>_min``, ``<variable>_max``, ``<variable>_median``, ``<variable>_p25`` and
``<variable>_p75`` float32 of the valid pixels, NaN without any. Parcels without a pixel on the tile have no
row.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.errors import Sen4capError
from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.passes.sums import ParcelSums

ROW_GROUP_ROWS = 50_000
"""Small enough that a few parcels of a country's set are read without the rest."""


def write_observations(path: Path, sums: ParcelSums, *, metadata: Mapping[str, str]) -> int:
    """Write the observation set of one pass; return its number of rows.

    Parameters
    ----------
    sums : what the pass added up; its variables give the columns
    metadata : kept in the file's schema (scene, tile, acquisition, software ...)

    Raises
    ------
    OSError
        When the disk is full or cannot be written; nothing is left behind.
    """
    return _write(path, _table_of(sums), metadata)


def write_carried_over(
    path: Path,
    sums: ParcelSums,
    former: Path,
    kept: NDArray[np.int32],
    *,
    metadata: Mapping[str, str],
) -> int:
    """Write the observation set of a new version of the declarations; return its number of rows.

    Parameters
    ----------
    sums : parcels that were extracted again
    former : set of the former version, of the same scene, tile and variables
    kept : ids of parcels whose rows are taken from it, none of them in ``sums``

    Raises
    ------
    Sen4capError
        When the former set cannot be read or has other columns.
    OSError
        When the disk is full or cannot be written; nothing is left behind.
    """
    new = _table_of(sums)
    try:
        old = pq.read_table(former).replace_schema_metadata(None)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(former, error) from error
    if old.schema.names != new.schema.names:
        raise Sen4capError(f"{former}: its columns are not those of the new version")
    old = old.filter(pc.is_in(old.column("parcel"), pa.array(kept, pa.int32())))
    merged = pa.concat_tables([old, new]).sort_by("parcel")
    return _write(path, merged, metadata)


def _table_of(sums: ParcelSums) -> pa.Table:
    present = sums.n_total > 0
    columns: dict[str, pa.Array] = {
        "parcel": pa.array(sums.new_ids[present], pa.int32()),
        "n_total": pa.array(sums.n_total[present], pa.int32()),
    }
    for name, variable in sums.variables.items():
        columns[f"{name}_mean"] = pa.array(variable.mean()[present], pa.float32())
        columns[f"{name}_std"] = pa.array(variable.std()[present], pa.float32())
        columns[f"{name}_n_valid"] = pa.array(variable.n_valid[present], pa.int32())
        for ending, values in sums.orders.get(name, {}).items():
            columns[f"{name}_{ending}"] = pa.array(values[present], pa.float32())
    return pa.table(columns)


def _write(path: Path, table: pa.Table, metadata: Mapping[str, str]) -> int:
    table = table.replace_schema_metadata(dict(metadata))
    try:
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(
            error.errno or errno.EIO,
            f"cannot write the observations {path.name}: {reason}. "
            f"Make room in {path.parent} and run the job again",
            str(path),
        ) from error
    return int(table.num_rows)


def read_observations(
    paths: Sequence[Path],
    variable: str,
    parcels: NDArray[np.int32] | None = None,
    *,
    statistics: Sequence[str] = (),
) -> pa.Table:
    """Read one variable of several observation sets.

    Parameters
    ----------
    statistics : endings of columns the sets have beside the usual ones, such as ``median``

    Returns
    -------
    Columns ``source`` int32 (index into ``paths``), ``parcel``, ``n_total``, ``mean``, ``std``,
    ``n_valid`` and those of ``statistics``; by source, then parcel. With ``parcels`` only their rows.

    Raises
    ------
    Sen4capError
        When a set cannot be read or does not hold the variable.
    """
    parts = ["mean", "std", "n_valid", *statistics]
    names = ["parcel", "n_total", *(f"{variable}_{part}" for part in parts)]
    tables = []
    for index, path in enumerate(paths):
        table = _read(path, variable, names, parcels)
        table = table.rename_columns(["parcel", "n_total", *parts])
        tables.append(table.add_column(0, "source", pa.array(np.full(table.num_rows, index), pa.int32())))
    if tables:
        return pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    types = [("source", pa.int32()), ("parcel", pa.int32()), ("n_total", pa.int32())]
    types += [(part, pa.int32() if part == "n_valid" else pa.float32()) for part in parts]
    return pa.schema(types).empty_table()


def count_observed(path: Path) -> tuple[int, int]:
    """Count the rows of a set, and those in which any variable has a valid pixel.

    Raises
    ------
    Sen4capError
        When the set cannot be read.
    """
    try:
        schema = pq.read_schema(path)
        counts = pq.read_table(path, columns=[n for n in schema.names if n.endswith("_n_valid")])
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    seen = np.zeros(counts.num_rows, np.bool_)
    for column in counts.columns:
        seen |= column.to_numpy() > 0
    return counts.num_rows, int(np.count_nonzero(seen))


def read_metadata(path: Path) -> dict[str, str]:
    """Read the text kept beside the columns of a set.

    Raises
    ------
    Sen4capError
        When the set cannot be read.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"}


def has_variable(path: Path, variable: str) -> bool:
    """Whether a set holds a variable.

    Raises
    ------
    Sen4capError
        When the set cannot be read.
    """
    try:
        return f"{variable}_mean" in pq.read_schema(path).names
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def read_means(
    path: Path, variable: str, parcels: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Read parcel, mean and n_valid of one variable of one set: what a series needs.

    Raises
    ------
    Sen4capError
        When the set cannot be read or does not hold the variable.
    """
    names = ["parcel", f"{variable}_mean", f"{variable}_n_valid"]
    table = _read(path, variable, names, parcels)
    ids, mean, n_valid = (table.column(name).to_numpy() for name in names)
    return ids, mean, n_valid


def read_pixel_counts(path: Path, parcels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return how many pixels each of some parcels has in a set, valid or not (len(parcels),); 0 without row.

    Raises
    ------
    Sen4capError
        When the set cannot be read.
    """
    try:
        table = pq.read_table(path, columns=["parcel", "n_total"])
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    ids, n_total = table.column("parcel").to_numpy(), table.column("n_total").to_numpy()
    if not ids.size:
        return np.zeros(len(parcels), np.int32)
    at = np.searchsorted(ids, parcels).clip(max=ids.size - 1)
    return np.where(ids[at] == parcels, n_total[at], 0).astype(np.int32)


def _read(path: Path, variable: str, names: list[str], parcels: NDArray[np.int32] | None) -> pa.Table:
    limits = None
    if parcels is not None and len(parcels):
        limits = (pc.field("parcel") >= int(parcels.min())) & (pc.field("parcel") <= int(parcels.max()))
    try:
        schema = pq.read_schema(path)
        missing = [name for name in names if name not in schema.names]
        if missing:
            known = sorted(n.removesuffix("_mean") for n in schema.names if n.endswith("_mean"))
            raise Sen4capError(
                f"{path}: no observations of {variable!r}; the set holds {', '.join(known) or 'nothing'}"
            )
        table = pq.read_table(path, columns=names, filters=limits)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    if parcels is not None:
        table = table.filter(pc.is_in(table.column("parcel"), pa.array(parcels, pa.int32())))
    return table


def _unreadable(path: Path, error: Exception) -> Sen4capError:
    return Sen4capError(
        f"{path}: the observation set cannot be read ({error}). "
        "Remove it and run the scene again to write it anew."
    )

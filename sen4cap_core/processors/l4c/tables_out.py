"""Result tables as files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sen4cap_core.files import atomic_path
from sen4cap_core.processors.l4c.table import decoded
from sen4cap_core.tables.reading import table_format

FREE_TEXTS = ("FIELD_ID", "ORIG_ID", "COUNTRY", "MAIN_CROP", "PRACTICE", "P_TYPE", "parcel_id")
"""Columns whose texts come from the declarations and may hold anything."""


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as CSV, gzip CSV or Parquet after its suffix; it appears whole or not at all."""
    kind = table_format(path)
    with atomic_path(path) as temporary:
        if kind == "parquet":
            # Without Arrow's own schema dictionaries are read as the text they stand for.
            pq.write_table(table, temporary, compression="zstd", store_schema=False)
            return
        table = decoded(table)
        # Arrow's "needed" quotes every text; as plain as the original's unless a text forbids it.
        quoting = "needed" if _needs_quotes(table) else "none"
        options = pa.csv.WriteOptions(include_header=False, quoting_style=quoting)
        compression = "gzip" if kind == "csv.gz" else None
        with pa.output_stream(str(temporary), compression=compression) as stream:
            stream.write((",".join(table.column_names) + "\n").encode())
            pa.csv.write_csv(table, stream, options)


def _needs_quotes(table: pa.Table) -> bool:
    texts = [table[name] for name in FREE_TEXTS if name in table.column_names]
    return any(
        pc.any(pc.match_substring_regex(column, '[",\\r\\n]')).as_py()
        for column in texts
        if pa.types.is_string(column.type)
    )

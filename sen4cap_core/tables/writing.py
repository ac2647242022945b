"""Table files as the command line writes them: the suffix says which, the content is whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sen4cap_core.files import atomic_path
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts, to_numbers
from sen4cap_core.tables.reading import table_format


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as CSV, gzip CSV or Parquet after its suffix; it appears whole or not at all."""
    kind = table_format(path)
    with atomic_path(path) as temporary:
        if kind == "parquet":
            pq.write_table(table, temporary, compression="zstd")
            return
        # Arrow's "needed" quotes every text; as plain as the original's unless an id or prose forbids it.
        first = table.column_names[0]
        special = "explanation" in table.column_names
        special = special or pc.any(pc.match_substring_regex(table[first], '[",\\r\\n]')).as_py()
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
        compression = "gzip" if kind == "csv.gz" else None
        with pa.output_stream(str(temporary), compression=compression) as stream:
            stream.write((",".join(table.column_names) + "\n").encode())
            pa.csv.write_csv(_with_decimals(table), stream, options)


def _with_decimals(table: pa.Table) -> pa.Table:
    """Write confidences as the original does: ``0.0``, ``0.5``, ``0.561``."""
    for i, name in enumerate(table.column_names):
        if name.endswith("_conf") or name == "confidence":
            distinct, codes = np.unique(to_numbers(table[name].combine_chunks(), np.nan), return_inverse=True)
            texts = from_texts([repr(float(value)) for value in distinct])
            table = table.set_column(i, name, texts.take(from_numbers(codes.astype(np.int32))))
    return table

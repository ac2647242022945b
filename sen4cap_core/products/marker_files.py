"""Marker tables as files: Arrow IPC with the original's index, and Parquet."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.ipc

from sen4cap_core.files import atomic_path
from sen4cap_core.products.geoparquet import write_table

BATCH_ROWS: Final = 10_000


def write_markers(table: pa.Table, folder: Path, stem: str) -> tuple[Path, Path, Path]:
    """Write ``<stem>.ipc``, ``<stem>.ipc.idx`` and ``<stem>.parquet``; return their paths.

    ``table`` has NewID (int32, ascending) first. The index holds, for each record batch, its number, its
    first and its last NewID as big-endian 32-bit integers. Each file appears whole or not at all.
    """
    ipc, index = folder / f"{stem}.ipc", folder / f"{stem}.ipc.idx"
    batches = table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS)
    with (
        atomic_path(ipc) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    triples = b"".join(
        struct.pack(">iii", number, batch.column(0)[0].as_py(), batch.column(0)[-1].as_py())
        for number, batch in enumerate(batches)
    )
    with atomic_path(index) as temporary:
        temporary.write_bytes(triples)
    return ipc, index, write_table(table, folder / f"{stem}.parquet")

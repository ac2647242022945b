"""Many rows at once: an Arrow table poured into PostgreSQL with COPY."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv
from sqlalchemy.orm import Session

BATCH_ROWS = 20_000


def copy_rows(session: Session, table: str, columns: Sequence[str], rows: pa.Table) -> None:
    """Append the rows of an Arrow table, whose columns are in the order of ``columns``, in this transaction.

    Null stays null and the empty text stays the empty text: in the CSV that Arrow writes only values are
    quoted. Values go over in batches, so that no second copy of the whole table is ever held.
    """
    raw = session.connection().connection.driver_connection
    assert raw is not None
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        raw.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv)') as copy,
    ):
        options = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            sink = pa.BufferOutputStream()
            pa.csv.write_csv(batch, sink, options)
            copy.write(memoryview(sink.getvalue()))

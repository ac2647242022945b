"""Many rows at once: Arrow batches poured into PostgreSQL with COPY."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.csv
from sqlalchemy.orm import Session

BATCH_ROWS = 20_000


def copy_rows(session: Session, table: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Append rows to a table in this transaction; the columns of the batches name those of the table.

    Null stays null and the empty text stays the empty text: in the CSV that Arrow writes only values are
    quoted. Batches go over one by one, so that no second copy of all rows is ever held.
    """
    raw = session.connection().connection.driver_connection
    assert raw is not None
    options = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        return
    names = ", ".join(f'"{name}"' for name in first.schema.names)
    with (
        raw.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv)') as copy,
    ):
        for batch in itertools.chain([first], rest):
            sink = pa.BufferOutputStream()
            pa.csv.write_csv(batch, sink, options)
            copy.write(memoryview(sink.getvalue()))

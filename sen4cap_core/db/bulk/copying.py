"""Many rows at once: Arrow batches poured into PostgreSQL with COPY."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.csv
from sqlalchemy.orm import Session

BATCH_ROWS = 20_000


def copy_rows(session: Session, table: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Append rows to a table in this transaction; the columns of the batches name those of the table.

    Null stays null and the empty text stays the empty text: in the CSV that Arrow writes only values are
    quoted. Batches go over one by one, so that no second copy of all rows is ever held.
    """
    options = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")

    def texts(rows: Iterator[pa.RecordBatch]) -> Iterator[memoryview]:
        for batch in rows:
            sink = pa.BufferOutputStream()
            pa.csv.write_csv(batch, sink, options)
            yield memoryview(sink.getvalue())

    pour(session, table, batches, "csv", texts)


def pour(
    session: Session,
    table: str,
    batches: Iterable[pa.RecordBatch],
    form: str,
    written: Callable[[Iterator[pa.RecordBatch]], Iterable[bytes | memoryview]],
) -> None:
    """Send batches through one COPY of a form of PostgreSQL, as ``written`` writes them; none is no COPY."""
    raw = session.connection().connection.driver_connection
    assert raw is not None
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        return
    names = ", ".join(f'"{name}"' for name in first.schema.names)
    with (
        raw.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT {form})') as copy,
    ):
        for piece in written(itertools.chain([first], rest)):
            copy.write(piece)

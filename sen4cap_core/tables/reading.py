"""Table files as the command line takes them: columns checked and read as batches of typed columns.

CSV (plain or gzip) and Parquet, told apart by the suffix. Problems name the file, the row and the column.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.tables.arrow_arrays import from_texts, to_flags

CSV_BLOCK_BYTES = 16 * 1024 * 1024
TEXT = pa.dictionary(pa.int32(), pa.string())
NULLS = ["", "nan", "NaN", "NA"]
"""Texts that mean no value in a column of numbers; in a column of text only the empty one does (NA is a crop
code)."""
SUFFIXES = "CSV (.csv), gzip CSV (.csv.gz) or Parquet (.parquet)"


def table_format(path: Path) -> str:
    """Return ``csv``, ``csv.gz`` or ``parquet`` after the suffix of a table file."""
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    for suffix in ("csv.gz", "csv"):
        if name.endswith("." + suffix):
            return suffix
    raise BadUploadError(path, "the suffix does not say what kind of table this is.", expected=SUFFIXES + ".")


def read_batches(
    path: Path, required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    """Yield batches of the columns asked for; an optional column that is missing is left out.

    Text columns come as dictionaries. A Parquet column of another type comes as it is stored, for the caller
    to take or refuse. Column names are compared without regard to case and come as asked.

    Raises
    ------
    BadUploadError
        When the file is missing, is no such table, lacks a required column, or a value does not fit its
        column.
    """
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    wanted = {**required, **optional}
    if table_format(path) == "parquet":
        try:
            yield from _parquet_batches(path, required, wanted)
        except pa.ArrowInvalid as error:
            raise BadUploadError(
                path, f"is not a readable Parquet file: {error}", expected=SUFFIXES
            ) from error
        return
    with pa.input_stream(str(path), compression="detect") as stream:
        try:
            header = stream.read(1_000_000).split(b"\n", 1)[0].decode("utf-8-sig")
        except (UnicodeDecodeError, OSError) as error:
            raise BadUploadError(path, f"is not UTF-8 text: {error}", expected=SUFFIXES) from error
    names = _match([name.strip().strip('"') for name in header.split(",")], required, wanted, path)
    options = pa.csv.ConvertOptions(
        column_types={stored: wanted[name] for name, stored in names.items()},
        include_columns=list(names.values()),
        null_values=NULLS,
        strings_can_be_null=False,
    )
    try:
        with (
            pa.input_stream(str(path), compression="detect") as stream,
            pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=CSV_BLOCK_BYTES),
                convert_options=options,
            ) as reader,
        ):
            for batch in reader:
                yield batch.rename_columns(list(names))
    except (pa.ArrowInvalid, OSError) as error:
        problems = _first_bad_values(path, names, wanted)
        raise BadUploadError(
            path,
            "a value does not fit its column." if problems else f"cannot be read: {error}",
            problems=problems,
            remedy="Correct the table and run again.",
        ) from error


def _parquet_batches(
    path: Path, required: Mapping[str, pa.DataType], wanted: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    schema = pq.read_schema(path)
    names = _match(schema.names, required, wanted, path)
    texts = [
        stored
        for stored in names.values()
        if pa.types.is_string(schema.field(stored).type)
        or pa.types.is_large_string(schema.field(stored).type)
    ]
    stored_names = list(names.values())
    with ExitStack() as stack:
        # A file for each thread: Arrow promises nothing for two that read the same one.
        first = stack.enter_context(pq.ParquetFile(path, read_dictionary=texts))
        second = pq.ParquetFile(path, metadata=first.metadata, read_dictionary=texts)
        files = [first, stack.enter_context(second)]
        readers = stack.enter_context(ThreadPoolExecutor(len(files)))
        n = first.num_row_groups

        def read(group: int) -> list[pa.RecordBatch]:
            # Arrow's threads, one for each column, take a sixth more of the processor: for a single group.
            file = files[group % len(files)]
            table = file.read_row_group(group, columns=stored_names, use_threads=n == 1)
            table = table.select(stored_names)
            table = table.rename_columns(list(names)).unify_dictionaries()
            batches: list[pa.RecordBatch] = table.combine_chunks().to_batches()
            return batches

        # The next row groups are decoded while the caller works on this one.
        coming = deque(readers.submit(read, group) for group in range(min(n, len(files))))
        for group in range(n):
            batches = coming.popleft().result()
            if group + len(files) < n:
                coming.append(readers.submit(read, group + len(files)))
            yield from batches


def row_count(path: Path) -> int | None:
    """Rows of a Parquet file; None where it cannot be known without reading."""
    if table_format(path) != "parquet" or not path.is_file():
        return None
    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowInvalid:
        return None


def _match(
    stored: list[str], required: Mapping[str, pa.DataType], wanted: Mapping[str, pa.DataType], path: Path
) -> dict[str, str]:
    """Map each wanted name to the stored one that equals it but for case."""
    lower = {name.lower(): name for name in reversed(stored)}
    missing = [name for name in required if name.lower() not in lower]
    if missing:
        raise BadUploadError(
            path,
            f"column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))} missing.",
            expected=f"a header with {', '.join(required)}",
            remedy=f"The file has: {', '.join(stored[:30])}.",
        )
    return {name: lower[name.lower()] for name in wanted if name.lower() in lower}


def _first_bad_values(
    path: Path, names: Mapping[str, str], wanted: Mapping[str, pa.DataType]
) -> list[Problem]:
    """Read a CSV again as text and find the first value of each numeric column that is no number."""
    numeric = {name: stored for name, stored in names.items() if wanted[name] != TEXT}
    if not numeric:
        return []
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            table = pa.csv.read_csv(
                stream,
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(numeric.values(), pa.string()),
                    include_columns=list(numeric.values()),
                ),
            )
    except (pa.ArrowInvalid, OSError):
        return []
    problems = []
    for name, stored in numeric.items():
        column = table[stored]
        is_empty = pc.is_in(column, from_texts(NULLS))
        looks_right = pc.match_substring_regex(column, r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")
        is_bad = ~to_flags(pc.or_(is_empty, looks_right).combine_chunks())
        if is_bad.any():
            bad = int(np.argmax(is_bad))
            text = f"expected a number, found {column[bad].as_py()!r}"
            problems.append(Problem(text, row=bad + 2, column=name))
    return problems

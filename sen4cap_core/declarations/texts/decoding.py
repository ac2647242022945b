"""Texts that a file says are UTF-8 and that are not: found, decoded, told."""

from __future__ import annotations

import pyarrow as pa

from sen4cap_core.declarations.texts.encodings import codec_of_label, detect_encoding
from sen4cap_core.declarations.texts.texts import is_text

_SAMPLE_BYTES = 4 * 1024 * 1024


def decoded(table: pa.Table, given: str | None) -> tuple[pa.Table, list[str]]:
    """Return the table with all texts in Unicode, and a note where some were in another character set.

    GDAL hands on the bytes of a file whose format or .cpg promises UTF-8. Values that are not are decoded
    with the character set the user named, else with the most plausible one.
    """
    wrong = [field.name for field in table.schema if is_text(field.type) and not _is_valid(table[field.name])]
    if not wrong:
        return table, []
    values = {name: table[name].cast(pa.large_binary()).to_pylist() for name in wrong}
    codec = codec_of_label(given) if given else None
    if codec is None:
        codec = detect_encoding(_sample(values))
    for name in wrong:
        texts = pa.array([_decode(value, codec) for value in values[name]], pa.large_string())
        table = table.set_column(table.column_names.index(name), name, texts)
    note = (
        f"{', '.join(wrong)}: not the character set the file says; read as {codec}; if names look wrong "
        "below, state `encoding` in declarations.yaml"
    )
    return table, [note]


def _is_valid(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _sample(values: dict[str, list[bytes | None]]) -> bytes:
    found: list[bytes] = []
    size = 0
    for column in values.values():
        for value in column:
            if value is not None and not value.isascii():
                found.append(value)
                size += len(value)
                if size > _SAMPLE_BYTES:
                    return b" ".join(found)
    return b" ".join(found)


def _decode(value: bytes | None, codec: str) -> str | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode(codec, errors="replace")

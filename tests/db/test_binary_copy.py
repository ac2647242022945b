"""Rows by binary COPY are the rows that were given."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from sen4cap_core.db.bulk.binary_copy import copy_binary, rows_of
from sen4cap_core.db.bulk.reading_out import read_names, read_numbers
from sen4cap_core.db.server.session import session_scope

TABLE = """CREATE TABLE copied (n integer, big bigint, x float8, yes boolean, at timestamptz, name text,
                                facts jsonb, spot geometry(Point, 4326))"""


def test_values_nulls_and_empty_texts_arrive_as_they_are(engine: Engine) -> None:
    rows = {
        "n": [1, -(2**31), None], "big": [2**62, None, -5], "x": [0.1, None, -1e300],
        "yes": [True, False, None],
        "at": [datetime(1999, 12, 31, 23, 59, 59, 123456, UTC), None, datetime(2030, 1, 1, tzinfo=UTC)],
        "name": ["", 'a "quoted"\nline; é \\', None],
    }  # fmt: skip
    kinds = {
        "n": pa.int32(), "big": pa.int64(), "x": pa.float64(), "yes": pa.bool_(),
        "at": pa.timestamp("us", "UTC"), "name": pa.large_string(),
    }  # fmt: skip
    columns = {name: pa.array(values, kinds[name]) for name, values in rows.items()}
    columns["facts"] = pa.array([b'\x01{"a": 1}', None, b"\x01{}"], pa.large_binary())
    point = bytes.fromhex("0101000020E6100000000000000000144000000000000049C0")
    columns["spot"] = pa.array([None, point, point], pa.large_binary())
    batch = pa.RecordBatch.from_pydict(columns)
    with session_scope(engine) as session:
        session.execute(text(TABLE))
        copy_binary(session, "copied", iter([batch.slice(0, 1), batch.slice(1), batch.slice(0, 0)]))
        copy_binary(session, "copied", iter([]))
        names = ", ".join(rows)
        found = session.execute(text(f"SELECT {names}, facts, ST_AsText(spot) FROM copied")).all()
        session.execute(text("DROP TABLE copied"))
    expected = list(zip(*rows.values(), [{"a": 1}, None, {}], [None, "POINT(5 -50)", "POINT(5 -50)"],
                        strict=True))  # fmt: skip
    assert [tuple(row) for row in found] == expected


def test_a_type_without_binary_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no binary form of date32"):
        rows_of(pa.RecordBatch.from_pydict({"day": pa.array([1], pa.date32())}))


def test_numbers_and_names_come_back_as_they_were(engine: Engine) -> None:
    with session_scope(engine) as session:
        session.execute(text("CREATE TABLE read_out (n integer, big bigint, at timestamptz, name text)"))
        session.execute(
            text("INSERT INTO read_out VALUES (1, :big, :at, :name), (-2, -5, '1999-12-31 23:59:59Z', '')"),
            {"big": 2**62, "at": datetime(2030, 1, 1, 1, 2, 3, 456789, UTC), "name": 'a "b",\r\n\n\\. é'},
        )
        kinds = {"n": "int32", "big": "int64", "at": "time"}
        numbers = read_numbers(
            session, "SELECT n, big, at FROM read_out WHERE n < :most ORDER BY n", {"most": 9}, kinds
        )
        nothing = read_numbers(session, "SELECT n FROM read_out WHERE n = 0", {}, {"n": "int32"})
        names, places = read_names(session, "SELECT name, n AS number FROM read_out ORDER BY n", {})
        no_names, _ = read_names(session, "SELECT name, n AS number FROM read_out WHERE n = 0", {})
        session.execute(text("UPDATE read_out SET big = NULL WHERE n = 1"))
        with pytest.raises(ValueError, match="a value is missing"):
            read_numbers(session, "SELECT n, big, at FROM read_out", {}, kinds)
        session.execute(text("UPDATE read_out SET name = NULL WHERE n = 1"))
        with pytest.raises(ValueError, match="a name or number is missing"):
            read_names(session, "SELECT name, n AS number FROM read_out", {})
        session.execute(text("DROP TABLE read_out"))

    assert numbers["n"].tolist() == [-2, 1]
    assert numbers["big"].tolist() == [-5, 2**62]
    assert numbers["at"].tolist() == [
        datetime(1999, 12, 31, 23, 59, 59),
        datetime(2030, 1, 1, 1, 2, 3, 456789),
    ]
    assert len(nothing["n"]) == 0
    assert len(no_names) == 0
    assert names.to_pylist() == ["", 'a "b",\r\n\n\\. é']
    assert places.tolist() == [-2, 1]

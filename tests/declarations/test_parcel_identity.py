"""Ids made unique, and numbers that stay."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.declarations.parcels.identity import Given, distinguish, letters, name_nameless, number
from sen4cap_core.declarations.texts.texts import as_texts, joined


@pytest.mark.parametrize(
    ("rank", "text"),
    [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (53, "BA"), (78, "BZ"), (702, "ZZ"), (703, "AAA")],
)
def test_letters(rank: int, text: str) -> None:
    assert letters(rank) == text


def texts_of(*values: str | None) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


def test_shared_ids_get_letters_in_the_order_of_their_key() -> None:
    places = [3.0, 1.0, 2.0, 0.0]

    ids, twice, n_shared = distinguish(texts_of("7", "7", "8", "7"), lambda row: (places[row],))

    assert ids.to_pylist() == ["7-C", "7-B", "8", "7-A"]
    assert twice == ["7"]
    assert n_shared == 3


def test_a_letter_that_is_taken_is_passed_over() -> None:
    ids, _, _ = distinguish(texts_of("7", "7", "7-A", "7-B"), lambda row: (row,))

    assert ids.to_pylist() == ["7-C", "7-D", "7-A", "7-B"]


@given(st.lists(st.sampled_from(["a", "a-A", "a-B", "b", "c"]), max_size=40))
def test_ids_are_unique_and_unique_ones_stay(values: list[str]) -> None:
    found, _, n_shared = distinguish(texts_of(*values), lambda row: (row,))

    ids = found.to_pylist()
    assert len(set(ids)) == len(values)
    assert n_shared == sum(values.count(value) > 1 for value in values)
    for before, after in zip(values, ids, strict=True):
        assert after == before or (values.count(before) > 1 and after.startswith(before + "-"))


def test_rows_without_id_are_named_by_their_content() -> None:
    ids, rows = name_nameless(texts_of("1", None, None), lambda row: b"same" if row else b"")

    assert rows.tolist() == [1, 2]
    first, second, third = ids.to_pylist()
    assert first == "1"
    assert second == third
    assert second.startswith("no-id-")


def test_known_numbers_are_kept_and_new_ones_follow() -> None:
    numbers = number(texts_of("d", "b", "a", "c", "a"), Given.of({"c": 4, "gone": 9}))

    assert numbers.tolist() == [12, 11, 10, 4, 10]


@given(st.lists(st.text(max_size=3), unique=True), st.data())
def test_the_order_of_rows_changes_no_number(values: list[str], data: st.DataObject) -> None:
    known = {value: 100 + place for place, value in enumerate(values[::3])}
    shuffled = data.draw(st.permutations(values))

    first = dict(zip(values, number(texts_of(*values), Given.of(known)).tolist(), strict=True))
    second = dict(zip(shuffled, number(texts_of(*shuffled), Given.of(known)).tolist(), strict=True))

    assert first == second
    assert len(set(first.values())) == len(values)


def test_texts_of_all_types() -> None:
    def texts(values: list[object], kind: pa.DataType) -> list[str | None]:
        return as_texts(pa.chunked_array([pa.array(values, kind)])).tolist()

    assert texts(["007", " 8 ", "", "  ", None], pa.string()) == ["007", "8", None, None, None]
    assert texts([1.0, 2.5, None, float("nan"), -3.0, 1e15], pa.float64()) == [
        "1", "2.5", None, None, "-3", "1000000000000000",
    ]  # fmt: skip
    assert texts([0.1, 4.0], pa.float32()) == ["0.1", "4"]
    assert texts([9_007_199_254_740_993, None], pa.int64()) == ["9007199254740993", None]
    assert texts([True, None], pa.bool_()) == ["true", None]
    assert texts([0, 86_400_000], pa.timestamp("ms")) == ["1970-01-01", "1970-01-02"]
    assert texts([0, 1_000], pa.timestamp("ms")) == ["1970-01-01T00:00:00", "1970-01-01T00:00:01"]
    assert texts([1_000], pa.timestamp("ms", "UTC")) == ["1970-01-01T00:00:01Z"]
    assert texts([{"a": 1}, None], pa.struct([("a", pa.int8())])) == ['{"a": 1}', None]
    assert texts([b"\x01", None], pa.binary()) == ["01", None]
    assert texts([None, None], pa.null()) == [None, None]
    assert as_texts(pa.array(["x", None, "x"]).dictionary_encode()).tolist() == ["x", None, "x"]
    assert as_texts(pa.chunked_array([pa.array(["a"]), pa.array(["b"])])).tolist() == ["a", "b"]


def test_joined_columns() -> None:
    one, other = (np.array(texts, dtype=object) for texts in (["1", None, "3"], ["a", "b", None]))
    assert joined([one, other]).tolist() == ["1-a", None, None]
    assert joined([one]).tolist() == ["1", None, "3"]

"""The word that was probably meant."""

from __future__ import annotations

import pytest

from sen4cap_core.errors import nearest_word, unknown_word

COLUMNS = ["PARCEL_ID", "HOLDING_ID", "CROP_CODE", "CROP_NAME"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("parcelid", "PARCEL_ID"), ("hold", "HOLDING_ID"), (" Crop_Kode ", "CROP_CODE"),
        ("crop_n", "CROP_NAME"), ("x", None), ("", None),
    ],
)  # fmt: skip
def test_letters_count_alike_and_a_beginning_of_one_alone_is_enough(written: str, meant: str | None) -> None:
    assert nearest_word(written, COLUMNS) == meant


def test_an_unknown_word_is_told_with_the_nearest_as_it_is_written() -> None:
    told = unknown_word("parcelid", COLUMNS[:2], "column")
    assert told == "'parcelid' is no column, did you mean 'PARCEL_ID'? There are: PARCEL_ID, HOLDING_ID."
    assert unknown_word("x", [], "site") == "'x' is no site. There are: none yet."

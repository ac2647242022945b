from __future__ import annotations

import re

from sen4cap_core.reports.pages.receipt import MAX_ROWS, receipt_markdown

RECEIPT = {
    "upload_id": 7,
    "file": "parcels 2019.zip",
    "kind": "declarations",
    "taken_for": "declarations of 2019",
    "site": "navarra",
    "year": 2019,
    "size_bytes": 1_234_567,
    "received_at": "2019-06-16T21:59:08.326393Z",
    "sha256": "ab12",
    "stored": {"parcels": 120, "area_ha": 31.5, "tiles": ["30TUM", "30TVM"]},
    "warnings": [
        {"text": "crop code not in the table", "row": 17, "column": "CROP"},
        {"text": "no season covers it", "row": None, "column": None},
    ],
    "details": {
        "columns": [
            {"taken_for": "parcel id", "column": "REF|1", "guessed": True},
            {"taken_for": "crop", "column": "CROP", "guessed": False, "note": "numeric"},
        ],
        "crops_missing": [f"crop {i}" for i in range(20)],
    },
}


def test_a_receipt_says_what_was_taken_stored_and_warned_of() -> None:
    page = receipt_markdown(RECEIPT)

    assert page.startswith("## Received: parcels 2019.zip\n")
    assert "| **Taken for** | declarations of 2019 |" in page
    assert "| **Size** | 1.23\u202fMB |" in page
    assert "| **Received** | 2019-06-16 21:59\u202fUTC |" in page
    assert "### Stored" in page
    assert "| **Parcels** | 120 |\n| **Area (ha)** | 31.5 |\n| **Tiles** | 30TUM, 30TVM |" in page
    assert "### Warnings (2)" in page
    assert "| Row | Column | What |" in page
    assert "| 17 | CROP | crop code not in the table |" in page
    assert "|  |  | no season covers it |" in page
    assert "### Columns" in page
    assert "| parcel id | REF\\|1 | yes |  |" in page
    assert "### Crops missing\n\n- crop 0\n- crop 1\n" in page


def test_a_receipt_without_warnings_says_so_and_needs_no_columns_for_them() -> None:
    page = receipt_markdown({"file": "a.cfg", "warnings": []})
    rowless = receipt_markdown({"file": "a.cfg", "warnings": ["defaults apply"]})

    assert "No warnings." in page
    assert "| What |\n| :--- |\n| defaults apply |" in rowless


def test_a_hundred_thousand_warnings_are_cut_with_their_number() -> None:
    page = receipt_markdown(
        {"file": "a.zip", "warnings": [{"text": f"w{i}", "row": i} for i in range(100_000)]}
    )

    assert "### Warnings (100000)" in page
    assert f"and {100_000 - MAX_ROWS} more" in page
    assert page.count("\n") < MAX_ROWS + 20


def test_a_rejection_says_what_to_do() -> None:
    error = (
        "a.zip: no .prj\n  - row 3, column 'X': empty\n  - row 4: empty\n"
        "Expected: a .prj\nWhat to do: add <it>"
    )

    page = receipt_markdown(
        {"file": "a.zip", "kind": "declarations", "error": error, "moved_to": "rejected/a.zip"}
    )

    assert page.startswith("## Rejected: a.zip\n\na.zip: no .prj\n\n")
    assert "\n- row 3, column 'X': empty\n- row 4: empty\n" in page
    assert "**Expected:** a .prj\n\n**What to do:** add \\<it\\>" in page
    assert "| **Moved to** | rejected/a.zip |" in page
    assert "No warnings." not in page


def test_a_file_name_cannot_inject_markup() -> None:
    page = receipt_markdown(
        {"file": "<img src=x onerror=alert(1)>|[x](javascript:y).zip", "stored": {"<b>": "<i>"}}
    )

    assert not re.search(r"(?<!\\)[<\[]", page)
    assert not re.search(r"(?<!\\)\]\(", page)

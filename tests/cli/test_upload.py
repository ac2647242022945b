"""``sen4cap import``: the receipt as a person at a terminal reads it."""

from __future__ import annotations

import io

from rich.console import Console

from sen4cap_core.cli.upload import print_page
from sen4cap_core.reports.pages.receipt import receipt_markdown

RECEIPT = {"file": "a_b.zip", "details": {"columns": [{"role": "crop_code", "columns": "COD_CULT"}]}}


def test_a_receipt_on_a_terminal_has_no_marks_of_markdown() -> None:
    written = io.StringIO()
    print_page(Console(file=written, force_terminal=True, width=100), receipt_markdown(RECEIPT))

    assert "COD_CULT" in written.getvalue()
    assert "a_b.zip" in written.getvalue()
    assert not {"\\", "|", "#"} & set(written.getvalue())


def test_a_receipt_into_a_file_is_markdown(capsys) -> None:
    print_page(Console(file=io.StringIO()), receipt_markdown(RECEIPT))

    assert "COD\\_CULT" in capsys.readouterr().out

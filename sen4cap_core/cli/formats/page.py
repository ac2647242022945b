"""The page of formats, written from the models that read and write them: ``docs/formats.md``.

``python -m sen4cap_core.cli.formats.page docs/formats.md`` writes it anew; a test compares it with them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sen4cap_core.cli.formats.coming_out import output_sections
from sen4cap_core.cli.formats.going_in import input_sections
from sen4cap_core.cli.formats.site_file import site_section

_HEAD = """# Formats

Every file that goes in, and every table and raster that comes out, column by column. This page is written
from the models that read and write them (`python -m sen4cap_core.cli.formats.page docs/formats.md`), and
examples of what comes out by the code that writes it. Where a file is dropped, and which scenes are taken,
is told in
[The upload folder](upload-folder.md); words are explained in the [glossary](glossary.md)."""


def formats_page() -> str:
    """Return the whole page as markdown."""
    parts = [
        _HEAD,
        "# What goes in",
        site_section(),
        *input_sections(),
        "# What comes out",
        *output_sections(),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(formats_page(), encoding="utf-8")

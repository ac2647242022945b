"""Errors that name the first bad row of a table of observations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem

BadRows = Callable[[NDArray[np.bool_], str, str], BadUploadError]


def bad_rows(path: Path, row_before: int) -> BadRows:
    """Make errors that name the first of the bad rows of a batch."""

    def error(is_bad: NDArray[np.bool_], column: str, text: str) -> BadUploadError:
        row = row_before + int(np.argmax(is_bad)) + 1
        return BadUploadError(
            path,
            "an observation cannot be understood.",
            problems=[Problem(text, row=row, column=column)],
            remedy="Correct the table and run again.",
        )

    return error

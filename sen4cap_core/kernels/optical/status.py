"""From a classification to status codes on the pass's grid: nearest neighbour and look-up in one step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def classify_nearest(
    classes: NDArray[np.uint8],
    source_rows: NDArray[np.int32],
    source_cols: NDArray[np.int32],
    table: NDArray[np.uint8],
    outside: int,
    status: NDArray[np.uint8],
) -> None:
    """Look up the status of each target pixel in the source pixel that holds its centre.

    Parameters
    ----------
    classes : uint8 (source rows, source columns)
    source_rows, source_cols : int32 (rows,), (columns,), -1 where the target lies outside the source
    table : uint8 (256,), status of each class
    outside : status of pixels outside the source
    status : uint8 (rows, columns), out
    """
    for r in range(status.shape[0]):
        sr, target = source_rows[r], status[r]
        if sr < 0:
            target[:] = outside
        elif r > 0 and sr == source_rows[r - 1]:
            # Coarse pixels reach over several rows: the row above is this one.
            _copy_row(status[r - 1], target)
        else:
            source = classes[sr]
            for c in range(target.size):
                sc = source_cols[c]
                # Looked up whatever comes, and unsigned: no branch, and no test for an index from the end.
                code = table[source[np.uint32(max(sc, 0))]]
                target[c] = code if sc >= 0 else np.uint8(outside)


@kernel
def classify_whole(
    classes: NDArray[np.uint8],
    top: int,
    left: int,
    zoom: int,
    table: NDArray[np.uint8],
    status: NDArray[np.uint8],
) -> None:
    """Look up the status of pixels of which ``zoom`` x ``zoom`` fill each source pixel.

    Parameters
    ----------
    classes : uint8 (source rows, source columns)
    top, left : row and column of the source pixel under the first pixel of ``status``
    table : uint8 (256,), status of each class
    status : uint8 (rows, columns), whole multiples of ``zoom`` that lie within the source, out
    """
    codes = np.empty(status.shape[1] // zoom, np.uint8)
    for r in range(status.shape[0]):
        target = status[r]
        if r % zoom:
            _copy_row(status[r - 1], target)
            continue
        source = classes[top + r // zoom, left : left + codes.size]
        for c in range(codes.size):
            codes[c] = table[source[c]]
        if zoom == 2:
            # Unsigned, so that no index is tested for counting from the end.
            for c in range(codes.size):
                target[np.uintp(2 * c)] = codes[c]
                target[np.uintp(2 * c + 1)] = codes[c]
        else:
            for c in range(target.size):
                target[c] = codes[np.uintp(c // zoom)]


@kernel
def _copy_row(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Copy without a copy in between, which an assignment makes for fear that both overlap."""
    for c in range(target.size):
        target[c] = source[c]


@kernel
def count_codes(codes: NDArray[np.uint8], histogram: NDArray[np.int64]) -> None:
    """Count the pixels of each code: codes uint8 (rows, columns), histogram int64 (256,), added to."""
    count_part(codes, 0, 0, codes.shape[0], codes.shape[1], histogram)


@kernel
def count_part(
    codes: NDArray[np.uint8], top: int, left: int, height: int, width: int, histogram: NDArray[np.int64]
) -> None:
    """Count the pixels of each code in a rectangle of an image, as :func:`count_codes` does in all of it."""
    for r in range(top, top + height):
        row = codes[r, left : left + width]
        # Runs of one code are counted together: adding to the same place each time waits for the last.
        last, run = row[0], 0
        for code in row:
            if code != last:
                histogram[last] += run
                last, run = code, 0
            run += 1
        histogram[last] += run


@kernel
def take_nearest(
    source: NDArray[np.generic],
    source_rows: NDArray[np.int32],
    source_cols: NDArray[np.int32],
    outside: float,
    out: NDArray[np.generic],
) -> None:
    """Copy to each target pixel the source pixel that holds its centre; ``outside`` where there is none."""
    for r in range(out.shape[0]):
        sr = source_rows[r]
        for c in range(out.shape[1]):
            sc = source_cols[c]
            if sr >= 0 and sc >= 0:
                out[r, c] = source[sr, sc]
            else:
                out[r, c] = outside


@kernel
def overlay_nearest(
    numbers: NDArray[np.generic],
    source_rows: NDArray[np.int32],
    source_cols: NDArray[np.int32],
    table: NDArray[np.uint8],
    outside: int,
    status: NDArray[np.uint8],
) -> None:
    """Give the pixels that are still land (0) the status of the mask pixel that holds their centre.

    Parameters
    ----------
    numbers : unsigned integers (source rows, source columns)
    source_rows, source_cols : int32 (rows,), (columns,), -1 where the target lies outside the source
    table : uint8 (any length), status of each number
    outside : status of pixels outside the source and of numbers beyond the table
    status : uint8 (rows, columns), changed in place
    """
    for r in range(status.shape[0]):
        sr = source_rows[r]
        for c in range(status.shape[1]):
            if status[r, c] == 0:
                sc = source_cols[c]
                code = np.uint8(outside)
                if sr >= 0 and sc >= 0:
                    number = numbers[sr, sc]
                    if number < table.size:
                        code = table[number]
                status[r, c] = code


@kernel
def coarsen_status(status: NDArray[np.uint8], zoom: int, out: NDArray[np.uint8]) -> None:
    """Status of pixels of ``zoom`` times the size: usable (0) only where all the fine ones are.

    Parameters
    ----------
    status : uint8 (rows, columns); where the last coarse pixel reaches beyond, those inside decide
    out : uint8 (rows, columns) of coarse pixels: the largest code within
    """
    rows, cols = status.shape
    halves = zoom == 2 and rows >= 2 * out.shape[0] and cols >= 2 * out.shape[1]
    for r in range(out.shape[0]):
        target = out[r]
        if halves:
            # Plain rows without a loop over their pixels' parts: twenty times as fast.
            above, below = status[2 * r], status[2 * r + 1]
            for c in range(target.size):
                upper = max(above[2 * c], above[2 * c + 1])
                target[c] = max(upper, max(below[2 * c], below[2 * c + 1]))
            continue
        for c in range(target.size):
            code = np.uint8(0)
            for i in range(r * zoom, min((r + 1) * zoom, rows)):
                for j in range(c * zoom, min((c + 1) * zoom, cols)):
                    code = max(code, status[i, j])
            target[c] = code


@kernel
def average_numbers(
    numbers: NDArray[np.generic], zoom: int, missing: float, out: NDArray[np.float32]
) -> None:
    """Mean of the stored numbers in each ``zoom`` x ``zoom`` pixels; ``missing`` where any of them is.

    Parameters
    ----------
    numbers : any number type (rows, columns), at least ``zoom`` times the size of ``out``; NaN stays NaN
    out : float32 (rows, columns)
    """
    gone = np.float32(missing)
    for r in range(out.shape[0]):
        target = out[r]
        if zoom == 2:
            above, below = numbers[2 * r], numbers[2 * r + 1]
            for k in range(target.size):
                a, b = np.float32(above[2 * k]), np.float32(above[2 * k + 1])
                d, e = np.float32(below[2 * k]), np.float32(below[2 * k + 1])
                mean = (a + b + d + e) * np.float32(0.25)
                there = (a != gone) & (b != gone) & (d != gone) & (e != gone)
                target[k] = mean if there else gone
            continue
        for c in range(target.size):
            total = np.float32(0.0)
            whole = True
            for i in range(r * zoom, (r + 1) * zoom):
                for j in range(c * zoom, (c + 1) * zoom):
                    number = np.float32(numbers[i, j])
                    total += number
                    whole &= number != gone
            target[c] = total / np.float32(zoom * zoom) if whole else gone

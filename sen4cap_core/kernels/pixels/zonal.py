"""Parcel sums over label spans, and label spans out of a label image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def encode_spans(
    labels: NDArray[np.int32],
    row_offset: int,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    parcel: NDArray[np.int32],
) -> int:
    """Write the horizontal runs of equal labels, in reading order; return how many there are.

    Parameters
    ----------
    labels : int32 (rows, columns), -1 where there is no parcel
    row_offset : row of the first line within the whole grid
    rows, first, last, parcel : int32 (n,), out; empty arrays only count
    """
    n = 0
    write = rows.size > 0
    for r in range(labels.shape[0]):
        c = 0
        while c < labels.shape[1]:
            label = labels[r, c]
            start = c
            c += 1
            while c < labels.shape[1] and labels[r, c] == label:
                c += 1
            if label < 0:
                continue
            if write:
                rows[n] = r + row_offset
                first[n] = start
                last[n] = c - 1
                parcel[n] = label
            n += 1
    return n


@kernel
def mark_blocks(
    row_offset: int,
    col_offset: int,
    height: int,
    width: int,
    side_rows: int,
    side_cols: int,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    found: NDArray[np.bool_],
) -> None:
    """Mark the blocks of an image in which spans have a pixel.

    Parameters
    ----------
    row_offset, col_offset : position of the image's first pixel in the grid of the spans
    height, width : of the image
    side_rows, side_cols : of a block
    rows, first, last : int32 (n,), spans; they may lie beside the image
    found : bool (rows of blocks, columns of blocks), in place
    """
    for s in range(rows.size):
        row = rows[s] - row_offset
        start = max(first[s] - col_offset, 0)
        stop = min(last[s] - col_offset, width - 1)
        if 0 <= row < height and start <= stop:
            for block in range(start // side_cols, stop // side_cols + 1):
                found[row // side_rows, block] = True


@kernel
def cut_spans(
    row_offset: int,
    col_offset: int,
    width: int,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    parcel: NDArray[np.int32],
    out: NDArray[np.int32],
) -> int:
    """Write the spans of a block, cut at its edges and counted from its first pixel; return how many.

    Done once for a block: most spans of its rows lie beside it, and every variable would look at them again.

    Parameters
    ----------
    row_offset, col_offset : position of the block's first pixel in the grid of the spans
    width : columns of the block
    rows, first, last, parcel : int32 (n,), spans of the block's rows; they may lie beside its columns
    out : int32 (4, n), out: row, first column, column after the last, parcel
    """
    n = 0
    for s in range(rows.size):
        start = max(first[s] - col_offset, 0)
        stop = min(last[s] - col_offset + 1, width)
        if start < stop:
            out[0, n] = rows[s] - row_offset
            out[1, n] = start
            out[2, n] = stop
            out[3, n] = parcel[s]
            n += 1
    return n


@kernel
def sum_spans(
    values: NDArray[np.int16],
    spans: NDArray[np.int32],
    nodata: int,
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add the pixels of one block to the sums of the parcels that own them.

    Integer sums, so that the result does not depend on the order or the shape of the blocks.

    Parameters
    ----------
    values : int16 (rows, columns) of the block, ``nodata`` where missing
    spans : int32 (4, n) of ``cut_spans``
    count, total, squares : int64 (parcels,), in place
    """
    rows, starts, stops, parcel = spans[0], spans[1], spans[2], spans[3]
    for s in range(rows.size):
        n = np.int64(0)
        t = np.int64(0)
        q = np.int64(0)
        for v in values[rows[s], starts[s] : stops[s]]:
            number = np.int64(v)
            if number != nodata:
                n += 1
                t += number
                q += number * number
        p = parcel[s]
        count[p] += n
        total[p] += t
        squares[p] += q


@kernel
def sum_spans_zoomed(
    values: NDArray[np.int16],
    zoom: int,
    spans: NDArray[np.int32],
    nodata: int,
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add coarse pixels up over spans of fine ones: each counts once for each fine pixel it covers.

    Parameters
    ----------
    values : int16 (rows, columns), each ``zoom`` x ``zoom`` pixels of the block
    spans : int32 (4, n) of ``cut_spans``, in fine pixels

    Others as in ``sum_spans``.
    """
    rows, starts, stops, parcel = spans[0], spans[1], spans[2], spans[3]
    for s in range(rows.size):
        start, stop = np.int64(starts[s]), np.int64(stops[s])
        n = np.int64(0)
        t = np.int64(0)
        q = np.int64(0)
        # One division for each span, and no branch: of short spans these took most of the time.
        first_coarse = start // zoom
        begin = first_coarse * zoom
        for v in values[rows[s] // zoom, first_coarse : (stop - 1) // zoom + 1]:
            times = min(begin + zoom, stop) - max(begin, start)
            begin += zoom
            number = np.int64(v)
            times *= np.int64(number != nodata)
            n += times
            t += times * number
            q += times * number * number
        p = parcel[s]
        count[p] += n
        total[p] += t
        squares[p] += q


@kernel
def copy_spans(
    status: NDArray[np.uint8], zoom: int, spans: NDArray[np.int32], out: NDArray[np.uint8]
) -> None:
    """Copy the status of the pixels that spans touch; the others stay as they are in ``out``.

    Parameters
    ----------
    status, out : uint8 (rows, columns), each ``zoom`` x ``zoom`` pixels of the block
    spans : int32 (4, n) of ``cut_spans``, in fine pixels
    """
    rows, starts, stops = spans[0], spans[1], spans[2]
    for s in range(rows.size):
        r = rows[s] // zoom
        for c in range(starts[s] // zoom, (stops[s] - 1) // zoom + 1):
            out[r, c] = status[r, c]


@kernel
def clear_spans(
    status: NDArray[np.uint8], zoom: int, spans: NDArray[np.int32], out: NDArray[np.int32]
) -> int:
    """Write the parts of spans on pixels whose status is 0; return how many.

    Done once for a block: every band would look at the status of the same pixels again.

    Parameters
    ----------
    status : uint8 (rows, columns), each ``zoom`` x ``zoom`` pixels of the block
    spans : int32 (4, n) of ``cut_spans``, in fine pixels
    out : int32 (4, m), out: as ``spans``, but the row is one of ``status``; m at least the sum over spans of
        half their pixels and one
    """
    n = 0
    for s in range(spans.shape[1]):
        row, start, stop = spans[0, s] // zoom, np.int64(spans[1, s]), np.int64(spans[2, s])
        clear, after = status[row], (stop - 1) // zoom + 1
        c = start // zoom
        while c < after:
            while c < after and clear[c] != 0:
                c += 1
            first = c
            while c < after and clear[c] == 0:
                c += 1
            if first < c:
                out[0, n] = row
                out[1, n] = max(first * zoom, start)
                out[2, n] = min(c * zoom, stop)
                out[3, n] = spans[3, s]
                n += 1
    return n


@kernel
def sum_spans_linear(
    numbers: NDArray[np.generic],
    gain: float,
    shift: float,
    missing: float,
    zoom: int,
    spans: NDArray[np.int32],
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add up ``rint(number * gain + shift)`` of clear pixels, without an image of it in between.

    Parameters
    ----------
    numbers : any number type (rows, columns), as stored in the band's file; NaN is missing
    missing : stored number that is missing, NaN for none
    spans : int32 (4, n) of ``clear_spans``

    Others as in ``sum_spans_zoomed``. Results are kept within the int16 that a raster would hold.
    """
    rows, starts, stops, parcel = spans[0], spans[1], spans[2], spans[3]
    for s in range(rows.size):
        start, stop = np.int64(starts[s]), np.int64(stops[s])
        n = np.int64(0)
        t = np.int64(0)
        q = np.int64(0)
        first_coarse = start // zoom
        begin = first_coarse * zoom
        for stored in numbers[rows[s], first_coarse : (stop - 1) // zoom + 1]:
            times = min(begin + zoom, stop) - max(begin, start)
            begin += zoom
            number = np.float64(stored)
            there = (number != missing) & (number == number)
            scaled = number * gain + shift if there else 0.0
            v = np.int64(np.int32(np.rint(min(max(scaled, -32767.0), 32767.0))))
            times *= np.int64(there)
            n += times
            t += times * v
            q += times * v * v
        p = parcel[s]
        count[p] += n
        total[p] += t
        squares[p] += q

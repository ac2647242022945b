"""Detections of all sources brought together: one event for each cut, whatever the order they came in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.mowing.slots import S1, S1_CAP, S2, S2_S1


@kernel
def merge_detections(
    first: int,
    last: int,
    offsets: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    confidence: NDArray[np.float64],
    source: NDArray[np.int8],
    is_optical: NDArray[np.bool_],
    distance: int,
    event_start: NDArray[np.int64],
    event_end: NDArray[np.int64],
    event_confidence: NDArray[np.float64],
    event_mission: NDArray[np.int8],
    n_events: NDArray[np.int32],
) -> None:
    """Merge the detections of parcels ``first`` to ``last`` (exclusive) into events.

    Detections are taken by descending confidence (ties: the earlier, then the shorter, then the lower
    source). Each one joins the most confident event it strictly overlaps; or becomes an event of its own if
    its middle lies at least ``distance`` from the middles of all others; or is dropped. An event keeps the
    interval of its most confident detection. The best detection of each source adds its confidence (inverse
    doubts add up); without optical evidence the sum is at most 0.5. The result does not depend on the order
    of the detections.

    Parameters
    ----------
    offsets : int64 (P + 1,)
        Detections of parcel ``p`` are ``offsets[p]:offsets[p + 1]``.
    start, end : int64 (N,)
        Seconds since 1970-01-01.
    confidence : float64 (N,)
        Below 1.
    source : int8 (N,)
        Number of the sensor and orbit, 0 to 62; ``is_optical`` says of each whether it is Sentinel-2.
    distance : int
        Seconds.
    event_start, event_end, event_confidence, event_mission : (N,)
        Written from ``offsets[p]`` on in order of start; missions as in ``mowing.slots``.
    n_events : int32 (P,)
        Events of each parcel.
    """
    for p in range(first, last):
        begin, stop = offsets[p], offsets[p + 1]
        n = stop - begin
        n_events[p] = 0
        if n == 0:
            continue
        order = np.arange(begin, stop)
        for i in range(1, n):
            k = order[i]
            j = i
            while j > 0 and _ranks_above(k, order[j - 1], start, end, confidence, source):
                order[j] = order[j - 1]
                j -= 1
            order[j] = k
        heads = np.empty(n, np.int64)
        seen = np.zeros(n, np.int64)
        n_heads = 0
        for i in range(n):
            k = order[i]
            bit = np.int64(1) << source[k]
            joined = False
            is_free = True
            for j in range(n_heads):
                h = heads[j]
                if min(end[k], end[h]) > max(start[k], start[h]):
                    joined = True
                    e = begin + j
                    if not seen[j] & bit:
                        seen[j] |= bit
                        doubt = 1.0 / (1.0 - event_confidence[e]) + 1.0 / (1.0 - confidence[k])
                        event_confidence[e] = 1.0 - 1.0 / doubt
                        own = S2 if is_optical[source[k]] else S1
                        if own != event_mission[e]:
                            event_mission[e] = S2_S1
                    break
                if abs((start[k] + end[k]) - (start[h] + end[h])) < 2 * distance:
                    is_free = False
            if not joined and is_free:
                heads[n_heads] = k
                seen[n_heads] = bit
                e = begin + n_heads
                event_start[e], event_end[e] = start[k], end[k]
                event_confidence[e] = confidence[k]
                event_mission[e] = S2 if is_optical[source[k]] else S1
                n_heads += 1
        for j in range(n_heads):
            e = begin + j
            if event_mission[e] == S1:
                event_confidence[e] = min(event_confidence[e], S1_CAP)
            # In order of start, by insertion: a parcel has a handful.
            while e > begin and (event_start[e], event_end[e]) < (event_start[e - 1], event_end[e - 1]):
                for column in (event_start, event_end):
                    column[e], column[e - 1] = column[e - 1], column[e]
                event_confidence[e], event_confidence[e - 1] = event_confidence[e - 1], event_confidence[e]
                event_mission[e], event_mission[e - 1] = event_mission[e - 1], event_mission[e]
                e -= 1
        n_events[p] = n_heads


@kernel
def _ranks_above(
    a: int,
    b: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    confidence: NDArray[np.float64],
    source: NDArray[np.int8],
) -> bool:
    """Whether detection ``a`` is taken before ``b``."""
    if confidence[a] != confidence[b]:
        return bool(confidence[a] > confidence[b])
    if start[a] != start[b]:
        return bool(start[a] < start[b])
    if end[a] != end[b]:
        return bool(end[a] < end[b])
    return bool(source[a] < source[b])

"""The original's four slots of a parcel: a run's detections fused into those already there, the best four
kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

N_SLOTS = 4

S1, S1_S2, S2, S2_S1 = 0, 1, 2, 3
MISSION_TEXTS = ("S1", "S1/S2", "S2", "S2/S1")
"""Text of each mission code; the codes ascend as their texts do, since the original sorts by the text too."""

SPAN_RULE, END_RULE = 0, 1
"""Two detections are far enough apart when together they span the distance (span), or when their ends do
(end)."""

S1_CAP = 0.5


@kernel
def fused_confidence(one: float, other: float) -> float:
    """Confidence of two detections of the same event: inverse doubts add up."""
    if one >= 1.0 or other >= 1.0:
        return 1.0
    return 1.0 - 1.0 / (1.0 / (1.0 - one) + 1.0 / (1.0 - other))


@kernel
def _with_mission(old: int, new: int) -> int:
    """Mission code after fusing, the older one named first."""
    if old == S1 and new == S2:
        return S1_S2
    if old == S2 and new == S1:
        return S2_S1
    return old


@kernel
def far_enough(rule: int, distance: int, start_a: int, end_a: int, start_b: int, end_b: int) -> bool:
    """Whether two intervals may stand side by side."""
    if rule == SPAN_RULE:
        return bool(max(end_a - start_b, end_b - start_a) >= distance)
    return bool(abs(end_a - end_b) >= distance)


@kernel
def _is_before(
    a: int,
    b: int,
    conf: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    mission: NDArray[np.int8],
) -> bool:
    """Whether candidate ``a`` ranks above ``b``: by confidence, start, end, mission, each descending."""
    if conf[a] != conf[b]:
        return bool(conf[a] > conf[b])
    if start[a] != start[b]:
        return bool(start[a] > start[b])
    if end[a] != end[b]:
        return bool(end[a] > end[b])
    return bool(mission[a] > mission[b])


@kernel
def fuse_into_slots(
    first: int,
    last: int,
    offsets: NDArray[np.int64],
    new_start: NDArray[np.int64],
    new_end: NDArray[np.int64],
    new_conf: NDArray[np.float64],
    new_mission: int,
    in_raster: NDArray[np.bool_],
    rule: int,
    distance: int,
    n_slots: NDArray[np.int32],
    slot_start: NDArray[np.int64],
    slot_end: NDArray[np.int64],
    slot_conf: NDArray[np.float64],
    slot_mission: NDArray[np.int8],
) -> None:
    """Fuse one run's detections into the slots of parcels ``first`` to ``last`` (exclusive), in place.

    Each pair of a new and a stored detection whose intervals strictly overlap becomes one candidate: interval
    of the more confident (a tie: the stored one), both missions, confidences fused. The rest stand as they
    are. Candidates are taken by descending confidence if far enough from those taken, at most four, and
    stored in order of their start with the confidence rounded to three decimals. Parcels outside the run's
    raster are not touched; all others are selected anew with this run's rule even without a new detection.

    Parameters
    ----------
    offsets : int64 (P + 1,)
        Detections of parcel ``p`` are ``offsets[p]:offsets[p + 1]`` of ``new_*``.
    new_start, new_end : int64 (N,)
        Seconds since 1970-01-01.
    new_conf : float64 (N,)
    in_raster : bool (P,)
    rule, distance : int
        ``SPAN_RULE`` or ``END_RULE`` and its seconds.
    n_slots : int32 (P,)
    slot_* : (P, 4)
        Unused slots hold 0.
    """
    most_new = 0
    for p in range(first, last):
        most_new = max(most_new, offsets[p + 1] - offsets[p])
    size = most_new * N_SLOTS + most_new + N_SLOTS
    start = np.empty(size, np.int64)
    end = np.empty(size, np.int64)
    conf = np.empty(size, np.float64)
    mission = np.empty(size, np.int8)
    order = np.empty(size, np.int64)
    taken = np.empty(N_SLOTS, np.int64)
    old_used = np.empty(N_SLOTS, np.bool_)
    for p in range(first, last):
        n_new = offsets[p + 1] - offsets[p]
        n_old = n_slots[p]
        if not in_raster[p] or n_new + n_old == 0:
            continue
        n = 0
        old_used[:] = False
        for i in range(offsets[p], offsets[p + 1]):
            is_used = False
            for j in range(n_old):
                if min(new_end[i], slot_end[p, j]) <= max(new_start[i], slot_start[p, j]):
                    continue
                is_used = True
                old_used[j] = True
                if new_conf[i] > slot_conf[p, j]:
                    start[n], end[n] = new_start[i], new_end[i]
                else:
                    start[n], end[n] = slot_start[p, j], slot_end[p, j]
                mission[n] = _with_mission(slot_mission[p, j], new_mission)
                conf[n] = fused_confidence(new_conf[i], slot_conf[p, j])
                if mission[n] == S1:
                    conf[n] = min(conf[n], S1_CAP)
                n += 1
            if not is_used:
                start[n], end[n], conf[n], mission[n] = new_start[i], new_end[i], new_conf[i], new_mission
                n += 1
        for j in range(n_old):
            if not old_used[j]:
                start[n], end[n] = slot_start[p, j], slot_end[p, j]
                conf[n], mission[n] = slot_conf[p, j], slot_mission[p, j]
                n += 1
        n_taken = _select(n, start, end, conf, mission, rule, distance, order, taken)
        n_slots[p] = n_taken
        for i in range(N_SLOTS):
            if i < n_taken:
                k = taken[i]
                slot_start[p, i], slot_end[p, i], slot_mission[p, i] = start[k], end[k], mission[k]
                slot_conf[p, i] = np.rint(conf[k] * 1000.0) / 1000.0
            else:
                slot_start[p, i], slot_end[p, i], slot_conf[p, i], slot_mission[p, i] = 0, 0, 0.0, 0


@kernel
def _select(
    n: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    conf: NDArray[np.float64],
    mission: NDArray[np.int8],
    rule: int,
    distance: int,
    order: NDArray[np.int64],
    taken: NDArray[np.int64],
) -> int:
    """Write at most four of ``n`` candidates to ``taken``, in order of start; return how many.

    ``order`` is room for ``n`` numbers.
    """
    for i in range(n):
        k = i
        j = i
        while j > 0 and _is_before(k, order[j - 1], conf, start, end, mission):
            order[j] = order[j - 1]
            j -= 1
        order[j] = k
    n_taken = 0
    for i in range(n):
        k = order[i]
        is_free = True
        for j in range(n_taken):
            other = taken[j]
            if not far_enough(rule, distance, start[k], end[k], start[other], end[other]):
                is_free = False
                break
        if is_free:
            taken[n_taken] = k
            n_taken += 1
            if n_taken == N_SLOTS:
                break
    for i in range(1, n_taken):
        k = taken[i]
        j = i
        while j > 0 and start[taken[j - 1]] > start[k]:
            taken[j] = taken[j - 1]
            j -= 1
        taken[j] = k
    return n_taken


@kernel
def fill_slots(
    first: int,
    last: int,
    offsets: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    conf: NDArray[np.float64],
    mission: NDArray[np.int8],
    n_slots: NDArray[np.int32],
    slot_start: NDArray[np.int64],
    slot_end: NDArray[np.int64],
    slot_conf: NDArray[np.float64],
    slot_mission: NDArray[np.int8],
) -> None:
    """Put the four most confident events of parcels ``first`` to ``last`` (exclusive) into their empty slots.

    Events of a parcel are ``offsets[p]:offsets[p + 1]``, in order of start; of equally confident ones the
    earlier is kept. Slots hold confidences of three decimals, in order of start.
    """
    for p in range(first, last):
        begin, stop = offsets[p], offsets[p + 1]
        n = 0
        for e in range(begin, stop):
            rank = 0
            if stop - begin > N_SLOTS:
                for other in range(begin, stop):
                    rank += int(conf[other] > conf[e] or (conf[other] == conf[e] and other < e))
            if rank < N_SLOTS:
                slot_start[p, n], slot_end[p, n], slot_mission[p, n] = start[e], end[e], mission[e]
                slot_conf[p, n] = np.rint(conf[e] * 1000.0) / 1000.0
                n += 1
        n_slots[p] = n

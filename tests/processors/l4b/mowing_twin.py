"""What the twins of the original share: fusion, verdict, and the comparison with a result row."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

DATE = "%d/%m/%Y"


def fuse(old, new):
    """Join detections that overlap, as the original does; the rest stands as it is."""
    pairs, old_used, new_used = [], set(), set()
    for i, a in enumerate(new):
        for j, b in enumerate(old):
            if min(a[2], b[2]) > max(a[1], b[1]):
                old_used.add(j)
                new_used.add(i)
                mission = b[3] if a[3] in b[3] else b[3] + "/" + a[3]
                conf = 1 - 1 / (1 / (1 - a[0]) + 1 / (1 - b[0]))
                winner = a if a[0] > b[0] else b
                pairs.append((min(conf, 0.5) if mission == "S1" else conf, winner[1], winner[2], mission))
    pairs += [a for i, a in enumerate(new) if i not in new_used]
    return pairs + [b for j, b in enumerate(old) if j not in old_used]


def select(candidates, is_apart):
    """Take the most confident that lie apart, four at most, in order of start."""
    taken = []
    for a in sorted(candidates, reverse=True):
        if all(is_apart(a, b) for b in taken):
            taken.append(a)
    return [(round(a[0], 3), *a[1:]) for a in sorted(taken[:4], key=lambda a: a[1])]


def join_falls(slots, new, span_days):
    """Fuse falls of Sentinel-2 into the slots: two together span at least so many days."""
    span = timedelta(days=span_days)
    return select(fuse(slots, new), lambda a, b: max(a[2] - b[1], b[2] - a[1]) >= span)


def join_rises(slots, new, ends_days):
    """Fuse rises of one orbit into the slots: ends at least so many days apart."""
    ends = timedelta(days=ends_days)
    return select(fuse(slots, new), lambda a, b: abs(a[2] - b[2]) >= ends)


def verdict(slots, processed: bool, period: tuple[str, str, int] | None) -> int:
    """Judge a parcel by its crop's first day, last day and rule; None: it has no rule."""
    if period is None:
        return -1
    if not slots:
        return 2 if processed else 0
    start, end = (datetime.strptime(text, DATE) for text in period[:2])
    inside = [s[2] > start and s[1] < end for s in slots]
    if period[2] == 1 and any(inside) and not all(inside):
        return 3
    return 1 if any(inside) else 2


def assert_same_mowings(row: pd.Series, slots, parcel) -> int:
    """Compare a result row with the slots of the twin; return how many mowings there are."""
    n = int(row.mow_n)
    found = [(row[f"m{i}_dstart"], row[f"m{i}_dend"], row[f"m{i}_mis"]) for i in range(1, n + 1)]
    assert found == [(str(s), str(e), m) for _, s, e, m in slots], parcel
    confidences = [float(row[f"m{i}_conf"]) for i in range(1, n + 1)]
    assert confidences == pytest.approx([s[0] for s in slots], abs=0.00101)
    return n

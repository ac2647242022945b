"""Which mowings are new since the evaluation before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAME_DAYS = 12
"""A mowing whose middle lies so near to one that was known is that one, dated anew."""


def new_mowings(events: pd.DataFrame, known: Sequence[tuple[int, datetime, datetime]]) -> NDArray[np.bool_]:
    """Say of each event whether it is new.

    Parameters
    ----------
    events : ``NewID``, ``start`` and ``end`` (UTC).
    known : NewID, start and end (UTC) of the mowings of the evaluation before.
    """
    if events.empty or not known:
        return np.ones(len(events), np.bool_)
    before = pd.DataFrame(known, columns=["NewID", "start", "end"])
    left, right = (_middles(frame) for frame in (events, before))
    left["at"] = np.arange(len(left))
    right["known"] = True
    joined = pd.merge_asof(
        left.sort_values("middle", kind="stable"),
        right.sort_values("middle", kind="stable"),
        on="middle",
        by="NewID",
        direction="nearest",
        tolerance=SAME_DAYS * 86_400,
    )
    is_new: NDArray[np.bool_] = joined.sort_values("at")["known"].isna().to_numpy()
    return is_new


def _middles(events: pd.DataFrame) -> pd.DataFrame:
    """NewID and the middle of each interval, seconds since 1970-01-01."""
    seconds = [
        (pd.to_datetime(events[name], utc=True) - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
        for name in ("start", "end")
    ]
    return pd.DataFrame(
        {"NewID": events["NewID"].to_numpy(np.int64), "middle": ((seconds[0] + seconds[1]) // 2).to_numpy()}
    )

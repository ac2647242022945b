"""Whether a parcel was mown as its crop's rule wants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOT_LISTED, NOT_ASSESSED, COMPLIANT, NOT_COMPLIANT, INSIDE_AND_OUTSIDE = -1, 0, 1, 2, 3


def evaluate_compliance(
    event_parcel: NDArray[np.int32],
    event_start: NDArray[np.int64],
    event_end: NDArray[np.int64],
    rule: NDArray[np.int8],
    period_start: NDArray[np.int64],
    period_end: NDArray[np.int64],
    was_processed: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """Compare each parcel's mowings with its period.

    Parameters
    ----------
    event_parcel : int32 (N,)
        Parcel of each mowing, in any order.
    event_start, event_end : int64 (N,)
        Seconds since 1970-01-01. A mowing is inside when its interval strictly overlaps the period.
    rule : int8 (P,)
        0: one mowing inside is enough. 1: one must lie inside and none outside. Negative: no rule.
    period_start, period_end : int64 (P,)
        Seconds since 1970-01-01.
    was_processed : bool (P,)

    Returns
    -------
    int8 (P,)
        -1 crop not listed; 0 no mowing and not processed; 1 compliant; 2 not compliant; 3 (rule 1 only) mown
        both inside and outside.
    """
    n_parcels = rule.size
    is_inside = (event_end > period_start[event_parcel]) & (event_start < period_end[event_parcel])
    n_inside = np.bincount(event_parcel[is_inside], minlength=n_parcels)
    n_outside = np.bincount(event_parcel[~is_inside], minlength=n_parcels)
    verdict = np.where(n_inside > 0, COMPLIANT, NOT_COMPLIANT)
    verdict[(rule == 1) & (n_inside > 0) & (n_outside > 0)] = INSIDE_AND_OUTSIDE
    verdict[(n_inside + n_outside == 0) & ~was_processed] = NOT_ASSESSED
    verdict[rule < 0] = NOT_LISTED
    return verdict.astype(np.int8)

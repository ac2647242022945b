"""Names of categories and diagnoses, and how they are numbered."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int8]

DIAGNOSES = ("Not_required", "Compliant", "Not_compliant", "Missing_info")
NOT_REQUIRED, COMPLIANT, NOT_COMPLIANT, MISSING_INFO = range(4)

EXEMPTION_1, EXEMPTION_2, EXEMPTION_3, EXEMPTION_4, FIRST_SET = range(5)
CATEGORY_3, CATEGORY_2, CATEGORY_1, OR_EXEMPTION = 1, 2, 4, 8
"""Bits of a set: `FIRST_SET` plus these is the number of its name."""


def _name(or_exemption: bool, *is_in: bool) -> str:
    numbers = [str(i + 1) for i in range(3) if is_in[i]]
    listed = "1_2_or_3" if len(numbers) == 3 else "_or_".join(numbers)
    return f"{'Exemption_or_' if or_exemption else ''}Category{listed}"


NAMES = (
    *("Exemption1", "Exemption2", "Exemption3", "Exemption4"),
    *(_name(*bits) for bits in product((False, True), repeat=4)),
)
"""The exemptions, then a name for each set of categories that are possible, without and with exemption."""


def diagnose(
    category: Codes,
    fits: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    fails: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
) -> Codes:
    """Return the diagnosis of each holding, (holding,) index into `DIAGNOSES`.

    ``fits`` and ``fails`` say for the categories 1, 2 and 3 whether their rules are met, or broken, whatever
    the unknown parcels are. Compliant: each possible category fits. Not compliant: each fails and no
    exemption is possible.
    """
    is_set = category >= FIRST_SET
    bits = np.where(is_set, category - FIRST_SET, 0)
    all_fit, all_fail = is_set.copy(), is_set & (bits & OR_EXEMPTION == 0)
    for bit, one_fits, one_fails in zip((CATEGORY_1, CATEGORY_2, CATEGORY_3), fits, fails, strict=True):
        is_possible = bits & bit > 0
        all_fit &= ~is_possible | one_fits
        all_fail &= ~is_possible | one_fails
    return np.select(
        [~is_set, all_fit, all_fail], [NOT_REQUIRED, COMPLIANT, NOT_COMPLIANT], MISSING_INFO
    ).astype(np.int8)

"""Which parcels are classified, which are learnt from, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features

_PA_MIN_IS_SET = "pa_min: in site.yaml below processors.l4a.settings, on tables in the file of --config"

STRATEGY_LARGE, STRATEGY_MIDDLE, STRATEGY_SMALL = 1, 2, 3


@dataclass(frozen=True)
class Selection:
    """Rows of the parcels by their use."""

    reasons: NDArray[np.object_]
    """(parcels,), why a parcel is not classified; None where it is."""
    calibration: NDArray[np.intp]
    validation: NDArray[np.intp]
    """Rows, ascending; together all classified parcels."""
    strategy: dict[int, int]
    """Sampling strategy of each crop type that is classified: 1 many, 2 some, 3 few parcels."""
    n_pool: dict[int, int]
    """Parcels large enough to be learnt from, of each crop type that passed the other rules."""


def select(
    classes: CropClasses,
    features: Features,
    config: CropTypeConfig,
    method: Method,
    among: NDArray[np.bool_] | None = None,
) -> Selection:
    """Apply the original's rules in its order: land cover, pixels, class size, then the sampling strategy.

    Parameters
    ----------
    among : parcels to look at (a stratum); by default all.
    """
    n = len(classes.ids)
    reasons = np.full(n, None, object)

    def is_open() -> NDArray[np.bool_]:
        return np.array([reason is None for reason in reasons.tolist()], np.bool_)

    looked_at = np.ones(n, np.bool_) if among is None else among

    def refuse(rows: NDArray[np.bool_], why: str) -> None:
        reasons[rows & is_open() & looked_at] = why

    if classes.excluded_why is not None:
        stated = np.array([why is not None for why in classes.excluded_why.tolist()], np.bool_)
        reasons[stated] = classes.excluded_why[stated]
    refuse(~classes.is_usable, "geometry invalid, duplicate or overlapping")
    refuse(classes.declared < 0, "crop code not in the crop code table")
    for cover in np.unique(classes.land_cover).tolist():
        if cover >= 0 and cover not in config.land_covers:
            refuse(classes.land_cover == cover, f"land cover {cover} is not classified")
    # A satellite without a series asks for no pixels.
    has_s2 = any("_s2_" in name for name in features.names)
    has_s1 = any(name.startswith(("XX_W", "XX_M", "XX_S")) for name in features.names)
    min_s2 = config.min_s2_pix if has_s2 else 0
    min_s1 = config.min_s1_pix if has_s1 else 0
    _refuse_few(refuse, classes.s2_pix, min_s2, "Sentinel-2")
    _refuse_few(refuse, classes.s1_pix, min_s1, "Sentinel-1")
    refuse(features.is_unknown, "no observation")
    if method == "sen4cap":
        for name, lacking in features.lacks:
            refuse(lacking, f"no observation in series {name}")
    else:
        share = round(100 * config.max_filled_share)
        too_open = features.filled_share > config.max_filled_share
        refuse(too_open, f"more than {share} % of the features are gaps of over {config.max_gap_days} days")

    kept = is_open() & looked_at
    pool = kept & ((classes.s2_pix < 0) | (classes.s2_pix >= config.best_s2_pix))
    types, counts = np.unique(classes.declared[pool], return_counts=True)
    n_pool = dict(zip(types.tolist(), counts.tolist(), strict=True))
    for crop_type in np.unique(classes.declared[kept]).tolist():
        n_of = n_pool.get(crop_type, 0)
        if n_of < config.pa_min:
            why = (
                f"rare crop type: {n_of} parcels to learn from, {config.pa_min} are needed ({_PA_MIN_IS_SET})"
            )
            refuse(classes.declared == crop_type, why)
    kept = is_open() & looked_at
    pool = pool & kept
    strategy: dict[int, int] = {}
    chosen = np.zeros(n, np.bool_)
    # A generator for each strategy, begun anew: the original resets its seed before each.
    generators = {number: np.random.default_rng([config.seed, number]) for number in (1, 2, 3)}
    for crop_type in np.unique(classes.declared[pool]).tolist():
        rows = np.flatnonzero(pool & (classes.declared == crop_type))
        number, n_chosen = _strategy(len(rows), config)
        strategy[crop_type] = number
        chosen[generators[number].permutation(rows)[:n_chosen]] = True
    return Selection(reasons, np.flatnonzero(chosen), np.flatnonzero(kept & ~chosen), strategy, n_pool)


def _refuse_few(
    refuse: Callable[[NDArray[np.bool_], str], None], pixels: NDArray[np.int64], least: int, mission: str
) -> None:
    if least > 0:
        refuse((pixels >= 0) & (pixels < least), f"fewer than {least} {mission} pixels")


def _strategy(n: int, config: CropTypeConfig) -> tuple[int, int]:
    """Sampling strategy of a class of this size, and how many of it are learnt from."""
    if n >= config.pa_train_h:
        return STRATEGY_LARGE, _rounded(n * config.sample_ratio_h)
    if n >= config.pa_train_l:
        return STRATEGY_MIDDLE, min(n, config.smote_target)
    return STRATEGY_SMALL, _rounded(n * config.sample_ratio_l)


def _rounded(number: float) -> int:
    return max(1, round(number))

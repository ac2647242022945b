"""From the settings of a practice to the thresholds of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.declarations.settings.l4c_config import NOT_AVAILABLE, PracticeSettings
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.catch import CatchCropSettings
from sen4cap_core.kernels.practices.growth import GrowthSettings
from sen4cap_core.kernels.practices.harvest import HarvestThresholds
from sen4cap_core.kernels.practices.tillage import TillageSettings
from sen4cap_core.kernels.practices.window import PracticeThresholds

DEFAULT_GROWTH_NDVI = 300.0
DEFAULT_RATIO_SLOPE = 0.01
DEFAULT_CATCH_PERIOD_DAYS = 56
SIGNIFICANCE = 0.05
MAX_FREEDOM = 200
"""No five weeks have more ratios than this; beyond it the last point is used."""
HALVINGS = 50
GROWTH_NDVI = 300.0
GROWTH_RATIO_DB = 2.0
GROWTH_COHERENCE = 0.375
"""Rise of NDVI x 1000, fall of VV - VH in dB and fall of coherence that are each a catch crop on their own;
chosen with the figures of both halves of the simulated parcels in view, so no half is held out for them."""


@dataclass(frozen=True)
class Thresholds:
    """All thresholds of a run of one practice."""

    harvest: HarvestThresholds
    practice: PracticeThresholds
    catch_crop: CatchCropSettings
    tillage: TillageSettings
    critical_f: NDArray[np.float64]
    """(F) 95 % points of the F distribution with 1 and n degrees of freedom, n = 0, 1, 2 ..."""


def kernel_thresholds(s: PracticeSettings, compat: Compat, ratio_scale: float = 1.0) -> Thresholds:
    """Resolve fall-backs. The original keeps its thresholds as 32-bit numbers, and takes 0 for a coherence
    threshold of M10 the file does not give; its search for the start of a catch crop does not resolve
    ``-10000``. ``ratio_scale`` is 0.5 when the series are in half decibels, on which the configuration's own
    thresholds are.
    """
    original = compat == "sen4cap"

    def number(value: float) -> float:
        return float(np.float32(value)) if original else float(value)

    def given(value: float, otherwise: float) -> float:
        return otherwise if value == NOT_AVAILABLE else value

    rise, level = s.efacohchange, s.efacohvalue
    if original:
        rise = rise if "efacohchange" in s.named else 0.0
        level = level if "efacohvalue" in s.named else 0.0
    harvest = HarvestThresholds(
        vegetation_ndvi=number(s.optthrvegcycle),
        ndvi_low=number(s.ndvidw),
        ndvi_high=number(s.ndviup),
        ndvi_step=number(s.ndvistep),
        ndvi_least=number(s.optthrmin),
        buffer_divisor=float(s.optthrbufden),
        ratio_break_least_db=number(s.ampthrmin),
        ratio_break_divisor=float(s.ampthrbreakden),
        ratio_level_divisor=float(s.ampthrvalden),
        ratio_level_uses_std=s.stddevinampthr,
        coherence_rise=number(s.cohthrbase),
        coherence_rise_high=number(s.cohthrhigh),
        coherence_level=number(s.cohthrabs),
    )
    practice = PracticeThresholds(
        presence_ndvi=float(s.efandvithr),
        loss_ndvi_high=given(float(s.efandviup), harvest.ndvi_high),
        loss_ndvi_low=given(float(s.efandvidw), harvest.ndvi_low),
        ndvi_step=harvest.ndvi_step,
        growth_ndvi_least=given(number(s.efandvimin), DEFAULT_GROWTH_NDVI),
        ratio_slope_db_per_day=given(number(s.efaampthr), DEFAULT_RATIO_SLOPE),
        coherence_rise=given(number(rise), harvest.coherence_rise_high),
        coherence_level=given(number(level), harvest.coherence_level),
    )
    catch_crop = CatchCropSettings(
        period_days=s.catchperiod,
        earliest_start=_day(s.catchperiodstart),
        ndvi_share=number(s.catchproportion),
        bare_ndvi_low=float(s.efandvidw),
        bare_ndvi_capped=float(s.efandviup),
        ndvi_high=harvest.ndvi_high,
        growth=GrowthSettings(GROWTH_NDVI, GROWTH_RATIO_DB * ratio_scale, GROWTH_COHERENCE),
    )
    if not original:
        catch_crop = catch_crop._replace(
            period_days=DEFAULT_CATCH_PERIOD_DAYS if s.catchperiod <= 0 else s.catchperiod,
            bare_ndvi_low=practice.loss_ndvi_low,
            bare_ndvi_capped=harvest.ndvi_high,
        )
    tillage = TillageSettings(
        vegetation_ndvi=harvest.vegetation_ndvi,
        coherence_rise=number(s.tlcohthrbase),
        coherence_level=number(s.tlcohthrabs),
        last_day=_day(s.tlmonitoringenddate),
    )
    return Thresholds(harvest, practice, catch_crop, tillage, critical_f_values())


@cache
def critical_f_values() -> NDArray[np.float64]:
    """95 % points of F with 1 and n degrees of freedom: squares of the two-sided points of Student's t.

    For whole n the probability of |t| is a finite sum in the angle atan(t / sqrt(n)), solved by halving the
    interval. (Importing scipy for this one function costs a command a quarter of a second.)
    """
    freedom = np.arange(MAX_FREEDOM)
    low, high = np.zeros(MAX_FREEDOM), np.full(MAX_FREEDOM, np.pi / 2.0)
    for _ in range(HALVINGS):
        angle = (low + high) / 2.0
        is_below = _probability_within(angle, freedom) < 1.0 - SIGNIFICANCE
        low, high = np.where(is_below, angle, low), np.where(is_below, high, angle)
    values: NDArray[np.float64] = freedom * np.tan(low) ** 2
    values[0] = np.inf
    values.flags.writeable = False
    return values


def _probability_within(angle: NDArray[np.float64], freedom: NDArray[np.int64]) -> NDArray[np.float64]:
    """P(|T| < t) of Student's t with whole degrees of freedom, ``angle`` being atan(t / sqrt(n))."""
    is_odd = freedom % 2 == 1
    sine, cosine = np.sin(angle), np.cos(angle)
    square = cosine * cosine
    n_terms = freedom // 2
    term = np.where(is_odd, cosine, 1.0)
    total = np.zeros(freedom.size)
    for k in range(1, int(n_terms.max()) + 1):
        total += np.where(k <= n_terms, term, 0.0)
        term = term * square * np.where(is_odd, 2 * k / (2 * k + 1), (2 * k - 1) / (2 * k))
    within: NDArray[np.float64] = np.where(is_odd, (angle + sine * total) * 2.0 / np.pi, sine * total)
    return within


def _day(value: date | None) -> int:
    return NO_DAY if value is None else to_days(value)

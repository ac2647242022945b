"""From the settings of a practice to the thresholds of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.l4b_config import Compat
from sen4cap_core.declarations.l4c_config import NOT_AVAILABLE, PracticeSettings
from sen4cap_core.kernels.practice_calendar import NO_DAY
from sen4cap_core.kernels.practice_catch import CatchCropSettings
from sen4cap_core.kernels.practice_harvest import HarvestThresholds
from sen4cap_core.kernels.practice_tillage import TillageSettings
from sen4cap_core.kernels.practice_window import PracticeThresholds

DEFAULT_GROWTH_NDVI = 300.0
DEFAULT_RATIO_SLOPE = 0.01
DEFAULT_CATCH_PERIOD_DAYS = 56
SIGNIFICANCE = 0.05
MAX_FREEDOM = 400


@dataclass(frozen=True)
class Thresholds:
    """All thresholds of a run of one practice."""

    harvest: HarvestThresholds
    practice: PracticeThresholds
    catch_crop: CatchCropSettings
    tillage: TillageSettings
    critical_f: NDArray[np.float64]
    """(F) 95 % points of the F distribution with 1 and n degrees of freedom, n = 0, 1, 2 ..."""


def kernel_thresholds(s: PracticeSettings, compat: Compat) -> Thresholds:
    """Resolve fall-backs. The original keeps its thresholds as 32-bit numbers, and takes 0 for a coherence
    threshold of M10 the file does not give; its search for the start of a catch crop does not resolve
    ``-10000``.
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


def critical_f_values() -> NDArray[np.float64]:
    """95 % points of F with 1 and n degrees of freedom: squares of the two-sided points of Student's t."""
    freedom = np.arange(MAX_FREEDOM, dtype=np.float64)
    values = np.full(MAX_FREEDOM, np.inf)
    values[1:] = stdtrit(freedom[1:], 1.0 - SIGNIFICANCE / 2.0) ** 2
    return values


def _day(value: date | None) -> int:
    return NO_DAY if value is None else to_days(value)

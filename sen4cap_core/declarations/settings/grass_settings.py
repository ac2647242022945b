"""What the neighbourhood method of L4B can be told: section ``[neighbourhood_method]`` of the mowing
configuration.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class GrassSettings(BaseModel):
    """Thresholds of the neighbourhood method; NDVI in -1..1, days of the year from 1.

    The defaults were chosen on simulated grassland, on tables of the original with known cuts and on a few
    real dated ones; all lie on plateaus (see docs/mowing.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_ndvi: float = Field(0.1, ge=-1, le=1)
    """NDVI below this is no observation."""
    min_clear_score: float = Field(0.45, ge=0, le=1)
    """Observations with a lower clear score, in relation to that of a clear sky, are not used."""
    full_clear_score: float = Field(0.8, ge=0, le=1)
    """From this score on, in relation to that of a clear sky, an observation is believed in full."""
    doubt_factor: float = Field(1.2, ge=0, le=10)
    """At ``min_clear_score`` the least fall is 1 plus this times as large."""
    fastest_rise_per_day: float = Field(0.025, gt=0, le=1)
    """NDVI rises by at most 0.1 and so much a day; a value that rises faster was a cloud."""
    min_fall: float = Field(0.07, gt=0, le=1)
    """Least fall of NDVI beyond that of the neighbourhood."""
    min_fall_share: float = Field(0.115, ge=0, le=1)
    """The same as a share of the value before."""
    spring_factor: float = Field(1.4, gt=0, le=10)
    """Factor on the least fall before ``spring_doy``."""
    spring_doy: int = Field(125, ge=1, le=366)
    """Day of the year on which ``spring_factor`` ends."""
    autumn_factor: float = Field(2.0, gt=0, le=10)
    """Factor on the least fall from ``autumn_last_doy`` on, rising from 1 at ``autumn_first_doy``."""
    autumn_first_doy: int = Field(258, ge=1, le=365)
    """Day of the year from which on the factor rises."""
    autumn_last_doy: int = Field(300, ge=2, le=366)
    """Day of the year from which on it is ``autumn_factor``."""
    window_days: float = Field(16.0, ge=0, le=60)
    """A fall may take so long in several steps."""
    brief_days: float = Field(9.0, ge=0, le=60)
    """A low that recovers within this time is a cloud, when it wins back ``recovered_share`` of the fall."""
    recovered_share: float = Field(0.75, gt=0, le=10)
    """After five days; 0.035 more for each day more."""
    regrowth_per_day: float = Field(0.012, ge=0, le=1)
    """NDVI that grass wins back in a day; half of what is faster counts against a fall."""
    min_distance_days: float = Field(20.0, ge=0, le=366)
    """Two cuts of a parcel lie at least so far apart."""
    date_share: float = Field(0.6, ge=0.5, le=1)
    """The most likely day, as a share of the time between the clear dates before and after."""
    max_low: float = Field(0.85, ge=-1, le=1)
    """The value after the fall is at most this."""
    max_fall_gap_days: float = Field(60.0, ge=1, le=366)
    """A fall between clear values further apart has no date, unless coherence gives it one: left out."""
    neighbour_quantile: float = Field(0.5, gt=0, lt=1)
    """What part of the neighbourhood's changes is taken for weather and season."""
    neighbour_doubt: float = Field(4.0, ge=0)
    """So many neighbours carry half of their say."""
    neighbour_gap_days: int = Field(25, ge=1, le=366)
    """Changes over longer gaps say nothing of the neighbourhood."""
    witness_z: float = Field(2.5, ge=0)
    """A rise of coherence counts from so many standard deviations on, ..."""
    witness_full_z: float = Field(5.0, gt=0)
    """... in full from so many on, ..."""
    witness_factor: float = Field(0.8, ge=0, le=10)
    """... and then multiplies a fall by 1 plus this."""
    radar_alone_z: float = Field(4.3, gt=0)
    """A rise this strong is a cut on its own where NDVI has a gap of at least ``radar_alone_gap_days``."""
    radar_alone_gap_days: float = Field(15.0, ge=0, le=366)
    """Least gap of NDVI in which radar is believed alone."""
    min_clear_dates: int = Field(3, ge=3, le=100)
    """A parcel with fewer clear dates, and no coherence that could be tested, is not judged."""
    min_pixels: int = Field(1, ge=1)
    """A parcel with fewer 10 m pixels, where their number is known, is not judged."""
    min_radar_tests: int = Field(1, ge=1, le=1000)
    """A parcel with fewer coherence values that could be tested has no radar: NDVI alone must tell of it."""
    max_gap_days: int = Field(366, ge=1)
    """A parcel with a longer gap between clear dates, and no coherence that was tested, is not judged."""

    @model_validator(mode="after")
    def _in_order(self) -> GrassSettings:
        if self.autumn_first_doy >= self.autumn_last_doy:
            raise ValueError("autumn_first_doy must lie before autumn_last_doy")
        if self.min_clear_score > self.full_clear_score:
            raise ValueError("min_clear_score must not be more than full_clear_score")
        if self.witness_z >= self.witness_full_z:
            raise ValueError("witness_z must be less than witness_full_z")
        return self

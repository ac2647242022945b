"""What can be known of a parcel from an optical scene, and which variables are kept together."""

from __future__ import annotations

from collections.abc import Mapping

from sen4cap_core.processors.l3b.indices import INDICES

NDVI_GROUP = "ndvi"
BANDS_GROUP = "bands"
BIOPHYSICAL_GROUP = "biophysical"
INDICES_GROUP = "indices"

BIOPHYSICAL = ("lai", "fapar", "fcover")
"""By neural networks; observed where site.yaml asks for them."""

DOMAINS = ("input_domain", "lai_domain", "fapar_domain", "fcover_domain")
"""Flags of the networks: 1 where the reflectances are like none of the training data, or where a result lay
beyond the limits of its variable; 0 elsewhere. The mean of a parcel is the share of its pixels."""

NETWORK_VARIABLES = BIOPHYSICAL + DOMAINS

BAND_OF: Mapping[str, str] = {
    "b02": "B02",
    "b03": "B03",
    "b04": "B04",
    "b05": "B05",
    "b06": "B06",
    "b07": "B07",
    "b08": "B08",
    "b8a": "B8A",
    "b11": "B11",
    "b12": "B12",
}
"""Variable of a band mean and the Sentinel-2 band it stands for."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    NDVI_GROUP: ("ndvi",),
    BANDS_GROUP: tuple(BAND_OF),
    BIOPHYSICAL_GROUP: NETWORK_VARIABLES,
    INDICES_GROUP: tuple(INDICES),
}
"""Observation groups: one Parquet file each for a scene and a declaration set."""

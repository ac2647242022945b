"""L4A over a season: features out of the observations, crop types, diversification, exported tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.made import crop_types as crop_rows
from sen4cap_core.declarations.settings.crop_type_settings import Method
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4a.crop_type.classify import CropMap, classify
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features
from sen4cap_core.processors.l4a.crop_type.regions import regions_of
from sen4cap_core.processors.l4a.crop_type.season_cells import checked
from sen4cap_core.processors.l4a.crop_type.tables_out import predictions_frame
from sen4cap_core.stages import Stages
from sen4cap_core.steps.crop_types.input import CropTypeInput, find_input
from sen4cap_core.steps.crop_types.product import Published, publish_crop_types
from sen4cap_core.steps.products.feature_table import read_season
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.season_input import AS_STATED, Otherwise, require_files

STAGES = {
    "find the observations and parcels": 0.05,
    "features": 0.35,
    "learn and predict": 0.45,
    "write tables and the map": 0.15,
}


@dataclass(frozen=True)
class CropTypeAnswer:
    """What a classification found, for the people who look."""

    given: CropTypeInput
    parcels: gpd.GeoDataFrame
    classes: CropClasses
    crop_map: CropMap
    predictions: pd.DataFrame
    """One row per parcel, in the order of ``parcels``."""
    published: Published


def classify_crops(
    context: Context,
    season_id: int,
    until: date | None = None,
    method: Method | None = None,
    otherwise: Otherwise = AS_STATED,
) -> CropTypeAnswer:
    """Classify a season with the observations there are.

    Parameters
    ----------
    until : use only what was acquired up to this day.
    method : by default what site.yaml says.
    otherwise : how this run differs from what site.yaml says.

    Raises
    ------
    NothingToDoError
        Without input, when nothing is new, or when no two crop types can be told apart.
    """
    stages = Stages(STAGES, context.say, context.progress)
    stages.begin("find the observations and parcels")
    with context.session() as session:
        given = find_input(session, context.settings, season_id, until, method, otherwise)
        parcels = declaration_rows.load_parcels(session, given.declaration_set_id)
        facts = crop_rows.parcel_facts(session, given.declaration_set_id)
    require_files(context, given.site, given.files, then="then run this")
    classes = _classes(given, parcels, facts)
    stages.begin("features")
    features = _features(context, given, classes)
    learning = stages.begin("learn and predict")
    crop_map = classify(classes, features, given.config, given.method, learning)
    stages.begin("write tables and the map")
    predictions = predictions_frame(classes, features, crop_map)
    published = publish_crop_types(context, given, parcels, facts, classes, features, crop_map, predictions)
    stages.end()
    return CropTypeAnswer(given, parcels, classes, crop_map, predictions, published)


def _classes(given: CropTypeInput, parcels: gpd.GeoDataFrame, facts: pd.DataFrame) -> CropClasses:
    of_code = {code.ori_crop: (code.ctnum_l4a, code.lc) for code in given.codes}
    pairs = np.array([of_code.get(code, (-1, -1)) for code in parcels.ori_crop.tolist()], np.int64)
    pairs = pairs.reshape(-1, 2)
    stratum = np.full(len(parcels), "", object)
    outside = None
    if given.strata is not None:
        stratum, outside = regions_of(given.strata, parcels.geometry.to_numpy(), parcels.crs)
    return CropClasses(
        ids=np.array([str(new_id) for new_id in parcels.new_id.tolist()], object),
        declared=pairs[:, 0],
        land_cover=pairs[:, 1],
        area_m2=parcels.area_m2.to_numpy(np.float64),
        s2_pix=_pixels(facts.s2_pix),
        s1_pix=_pixels(facts.s1_pix),
        is_usable=parcels.geom_valid.to_numpy(bool)
        & ~facts.duplic.to_numpy(bool)
        & ~facts.overlap.to_numpy(bool),
        names={code.ctnum_l4a: code.ct_l4a for code in given.codes},
        crop_codes=parcels.ori_crop.to_numpy(object),
        stratum=stratum,
        excluded_why=outside,
    )


def _pixels(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column).fillna(-1).to_numpy(np.int64)


def _features(context: Context, given: CropTypeInput, classes: CropClasses) -> Features:
    series = read_season(given.sources(context), classes.ids.tolist())
    checked(series, Path(given.files[0].path))
    try:
        return build_features(series, given.config, release=True)
    except ValueError as why:
        raise NothingToDoError(f"{given.site} {given.season}: {why}") from why

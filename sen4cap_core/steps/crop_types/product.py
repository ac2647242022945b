"""The crop type map as a product: tables, models, STAC item, rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.made import crop_types as crop_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.made.crop_types import Holding
from sen4cap_core.db.models import CropTypeRun
from sen4cap_core.declarations.tables.crop_codes import COLUMNS as CODE_COLUMNS
from sen4cap_core.errors import Sen4capError
from sen4cap_core.processors.l4a.crop_type.classify import CropMap
from sen4cap_core.processors.l4a.crop_type.files_out import write_csv, write_lut, write_side_files
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features
from sen4cap_core.processors.l4a.crop_type.tables_out import PREDICTION_COLUMNS
from sen4cap_core.processors.l4a.diversification.command import assess_files
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.crop_type_shapes import write_crop_type_shapes
from sen4cap_core.products.geoparquet import write_geoparquet
from sen4cap_core.products.naming import L4A_CROP_TYPES, l4a_folder, l4a_stem, version_of
from sen4cap_core.products.stac import GEOPACKAGE, Input, Origin, table_item
from sen4cap_core.reports.pictures.crop_type import write_pictures
from sen4cap_core.steps.crop_types.input import CropTypeInput
from sen4cap_core.steps.shared.context import Context

CSV_MEDIA = "text/csv"
MEDIA = {".csv": CSV_MEDIA, ".png": "image/png", ".json": "application/json"}
"""Types of the side files; what is not here has none of its own."""
CSV_COLUMNS = (
    "NewID", "HoldID", "GeomValid", "Duplic", "Overlap", "Area_meters", "S2Pix", "S1Pix", "LC", "CTnumDIV",
)  # fmt: skip
COLUMN_TEXTS = {
    "NewID": "Number of the parcel in this system, the same in each season and version",
    "CT_decl": "Declared crop type (CTnumL4A)",
    "CT_pred_1": "Likeliest crop type; nothing where not classified",
    "CT_conf_1": "Its probability 0..1",
    "CT_pred_2": "Second crop type",
    "CT_conf_2": "Its probability 0..1",
    "Conform": "Whether the likeliest, the second or neither is the declared one",
    "Doubtful": "1 = contradicts the declaration with confidence",
    "Reason": "Why the parcel is not classified",
}


@dataclass(frozen=True)
class Published:
    """What was written."""

    files: dict[str, Path]
    """By title."""
    diversification: pd.DataFrame
    """Holdings: HoldID, CD_cat, CD_diagn and areas."""


def publish_crop_types(
    context: Context,
    given: CropTypeInput,
    parcels: gpd.GeoDataFrame,
    facts: pd.DataFrame,
    classes: CropClasses,
    features: Features,
    crop_map: CropMap,
    predictions: pd.DataFrame,
) -> Published:
    """Write all tables and the STAC item, then all rows in one transaction."""
    root = context.settings.data
    version = version_of(given.input_key)
    stem = l4a_stem(given.site, given.start, given.as_of, version)
    home = root / l4a_folder(given.site, given.year, given.season_slug)
    folder = home / version
    suffix = f"_{version}"
    provenance = {"input_key": given.input_key, "declarations": given.declaration_set_id}
    files = write_side_files(classes, features, crop_map, predictions, folder, suffix, provenance)
    files |= write_pictures(crop_map, classes, folder, suffix)
    table = _table(parcels, facts, given, predictions)
    plain = table.drop(columns="geometry")
    files["CropType.csv"] = write_csv(
        plain[[*CSV_COLUMNS, *PREDICTION_COLUMNS]][plain["CT_decl"].notna()], folder / "CropType.csv"
    )
    files["CropType_LUT.csv"] = write_lut(CODE_COLUMNS, _codes(given), folder / "CropType_LUT.csv")
    files |= write_crop_type_shapes(table, folder)
    parquet = write_geoparquet(table, home / f"{stem}.parquet")
    files["GeoParquet"] = parquet
    holdings = assess_files(
        files["CropType.csv"],
        files["CropType_LUT.csv"],
        folder / "Diversification_parcels.csv",
        folder / "Diversification_holdings.csv",
        given.thresholds,
        "sen4cap" if given.method == "sen4cap" else "default",
    )
    files["Diversification_parcels.csv"] = folder / "Diversification_parcels.csv"
    files["Diversification_holdings.csv"] = folder / "Diversification_holdings.csv"
    stac = _publish_item(root, given, table, parquet, home / f"{stem}.json", files)
    _store_rows(context, given, crop_map, predictions, parcels, holdings, parquet, stac)
    return Published(files, holdings)


def _table(
    parcels: gpd.GeoDataFrame, facts: pd.DataFrame, given: CropTypeInput, predictions: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Every parcel of the declarations with the original's columns, and ours behind them."""
    div = {code.ori_crop: code.ctnum_div for code in given.codes}
    data = {
        "NewID": parcels.new_id.to_numpy(),
        "HoldID": parcels.hold_id.to_numpy(),
        "ori_id": parcels.ori_id.to_numpy(object),
        "ori_hold": parcels.ori_hold.to_numpy(object),
        "ori_crop": parcels.ori_crop.to_numpy(object),
        "GeomValid": parcels.geom_valid.to_numpy(bool).astype("int32"),
        "Duplic": facts.duplic.to_numpy(bool).astype("int32"),
        "Overlap": facts.overlap.to_numpy(bool).astype("int32"),
        "Area_meters": parcels.area_m2.to_numpy(),
        "S2Pix": predictions["S2Pix"],
        "S1Pix": predictions["S1Pix"],
        "LC": predictions["LC"],
        "CTnumDIV": pd.Series([div.get(code) for code in parcels.ori_crop.tolist()], dtype="Int64"),
        **{name: predictions[name] for name in PREDICTION_COLUMNS},
        **{name: predictions[name] for name in ("Conform", "Doubtful", "Reason", "Gap_days")},
    }
    return gpd.GeoDataFrame(data, geometry=parcels.geometry.to_numpy(), crs=parcels.crs)


def _codes(given: CropTypeInput) -> list[list[str]]:
    return [
        [
            c.ori_crop, str(c.ctnum), c.ct, str(c.lc), str(c.ctnum_l4a), c.ct_l4a, str(c.ctnum_div), c.ct_div,
            *(str(int(flag)) for flag in (c.eaa, c.al, c.pgrass, c.tgrass, c.fallow, c.cwater)),
        ]
        for c in given.codes
    ]  # fmt: skip


def _publish_item(
    root: Path,
    given: CropTypeInput,
    table: gpd.GeoDataFrame,
    parquet: Path,
    stac: Path,
    files: dict[str, Path],
) -> Path:
    outlines = table.geometry[~table.geometry.isna()]
    footprint = shapely.box(*outlines.total_bounds) if len(outlines) else shapely.Polygon()
    item = table_item(
        collection=L4A_CROP_TYPES,
        item_id=stac.stem,
        parquet=parquet,
        footprint=footprint,
        start=given.start,
        end=given.as_of,
        origin=Origin(
            software_version=__version__,
            lineage="Crop type of declared parcels, learnt from the season's parcel means of Sentinel-2 and "
            "Sentinel-1 and from the declarations.",
            inputs=[Input(str(root / f.path), Path(f.path).stem) for f in given.files],
            content_key=given.input_key,
            level="L4",
        ),
        column_texts=COLUMN_TEXTS,
        others=_others(files),
    )
    publish_item(root, item, stac)
    return stac


def _others(files: dict[str, Path]) -> dict[str, tuple[Path, str, str]]:
    """Every file beside the GeoParquet as an asset, so that one that is lost is missed."""
    named = {
        "geopackage": (files["CropType.gpkg"], GEOPACKAGE, "GeoPackage"),
        "csv": (files["CropType.csv"], CSV_MEDIA, "CropType.csv"),
        "crop_codes": (files["CropType_LUT.csv"], CSV_MEDIA, "Crop code table"),
        "doubtful": (files["Doubtful_declarations"], CSV_MEDIA, "Most doubtful declarations"),
        "holdings": (files["Diversification_holdings.csv"], CSV_MEDIA, "Crop diversification"),
        "diversification_parcels": (
            files["Diversification_parcels.csv"], CSV_MEDIA, "Crop diversification of parcels",
        ),
    }  # fmt: skip
    known = {path for path, _, _ in named.values()} | {files["GeoParquet"]}
    shapefile = files["CropType.shp"]
    parts = {part.name: part for part in sorted(shapefile.parent.glob(f"{shapefile.stem}.*"))}
    for title, path in (files | parts).items():
        if path not in known:
            known.add(path)
            key = "".join(c if c.isalnum() else "_" for c in title.lower())
            named[key] = (path, MEDIA.get(path.suffix, "application/octet-stream"), title)
    return named


def _store_rows(
    context: Context,
    given: CropTypeInput,
    crop_map: CropMap,
    predictions: pd.DataFrame,
    parcels: gpd.GeoDataFrame,
    holdings: pd.DataFrame,
    parquet: Path,
    stac: Path,
) -> None:
    root = context.settings.data
    answers = pa.table(
        {
            "new_id": pa.array(parcels.new_id.to_numpy("int32")),
            **{
                name.lower(): pa.Array.from_pandas(predictions[name], type=kind)
                for name, kind in zip(
                    PREDICTION_COLUMNS,
                    (pa.int32(), pa.int32(), pa.float64(), pa.int32(), pa.float64()),
                    strict=True,
                )
            },
            "doubtful": pa.array(crop_map.is_doubtful),
            "reason": pa.array(crop_map.reasons.tolist(), pa.string()),
        }
    )
    refs = [f"observations:{file.set_id}" for file in given.files]
    refs.append(f"declarations:{given.declaration_set_id}")
    accuracy = crop_map.accuracy
    with context.session() as session:
        product_id = product_rows.register_product(
            session,
            {
                "key": given.input_key,
                "site_id": given.site_id,
                "kind": L4A_CROP_TYPES,
                "season_id": given.season_id,
                "tile": None,
                "start": midnight(given.start),
                "end": datetime.combine(given.as_of, time(23, 59, 59), tzinfo=UTC),
                "path": str(parquet.relative_to(root)),
                "stac_path": str(stac.relative_to(root)),
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            refs,
        )
        run = CropTypeRun(
            season_id=given.season_id,
            declaration_set_id=given.declaration_set_id,
            product_id=product_id,
            as_of=given.as_of,
            method=given.method,
            input_key=given.input_key,
            n_parcels=len(predictions),
            n_classified=int((crop_map.conform >= 0).sum()),
            n_doubtful=int(crop_map.is_doubtful.sum()),
            accuracy=accuracy.overall if accuracy else None,
            macro_f=accuracy.macro_f if accuracy else None,
            made_by=__version__,
            flow_run_id=context.flow_run_id,
        )
        found = [
            Holding(int(hold_id), category, diagnosis)
            for hold_id, category, diagnosis in zip(
                holdings["HoldID"].tolist(),
                holdings["CD_cat"].tolist(),
                holdings["CD_diagn"].tolist(),
                strict=True,
            )
        ]
        if not crop_rows.store_run(session, run, given.last_run_id, answers, found):
            raise Sen4capError("another classification of this season came first: run this one anew")

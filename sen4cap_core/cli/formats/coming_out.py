"""The part of the page of formats that explains what comes out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from sen4cap_core.cli.formats import examples
from sen4cap_core.cli.formats.text import attribute_docs, block, table
from sen4cap_core.db import models
from sen4cap_core.db.models import Base, Parcel
from sen4cap_core.observations import store
from sen4cap_core.processors.l3b.biophysical import DESCRIPTIONS
from sen4cap_core.processors.l3b.groups import GROUPS, NETWORK_VARIABLES
from sen4cap_core.processors.l3b.indices import INDICES
from sen4cap_core.processors.l3b.items import quantisation_of
from sen4cap_core.processors.l4a.crop_type.tables_out import PREDICTION_COLUMNS
from sen4cap_core.processors.l4a.diversification.categories import DIAGNOSES
from sen4cap_core.processors.l4a.diversification.conformity import NAMES as CONFORMITIES
from sen4cap_core.products import naming, practice_exports, tables
from sen4cap_core.reports.scores import mowing_score_files as scores
from sen4cap_core.steps.crop_types.product import COLUMN_TEXTS as CROP_TEXTS
from sen4cap_core.steps.crop_types.product import CSV_COLUMNS

_OBSERVED = "Columns: "
_ORIGINAL = {
    "new_id": "NewID", "hold_id": "HoldID", "geom_valid": "GeomValid", "duplic": "Duplic",
    "overlap": "Overlap", "area_m2": "Area_meters", "shape_index": "ShapeInd", "s1_pix": "S1Pix",
    "s2_pix": "S2Pix",
}  # fmt: skip
_KEYS = {
    "id": "Number of the row",
    "run_id": "Which run says it",
    "season_id": "The season",
    "site_id": "The site",
    "year": "Year of the season",
    "declaration_set_id": "Version of the declarations it was made with",
    "practice_set_id": "Version of the practice table it was made with",
    "config_id": "The configuration that was dropped; null: none was",
    "product_id": "The tables that were written",
    "made_by": "Version of the software",
    "flow_run_id": "The run in the Prefect UI",
    "created_at": "When",
    "new_id": "NewID of the parcel",
    "hold_id": "HoldID of the holding",
    "input_key": "Hash of all it was made from",
    "n_parcels": "Parcels of the declarations",
    "n_classified": "Those that are classified",
    "n_doubtful": "Those that contradict their declaration",
    "n_mowed": "Parcels with a mowing",
    "n_events": "Mowings",
    "n_rows": "Rows of the practice table that were judged",
    "n_harvests": "Those with a harvest",
    "macro_f": "Mean of the F scores of the crop types",
    "ct_pred_1": "Likeliest crop type (CTnumL4A)",
    "ct_conf_1": "Its probability 0..1",
    "ct_pred_2": "Second crop type",
    "ct_conf_2": "Its probability 0..1",
    "category": "As CD_cat",
    "diagnosis": "As CD_diagn",
    "mow_n": "Mowings, at most 4",
    "proc": "As in the table above",
    "compl": "As in the table above",
    "start": "Start of the interval the mowing lies in, UTC",
    "end": "End of the interval, UTC",
    "confidence": "0..1",
    "radar_harvest_week": "Monday of the first week in which radar alone says harvest",
    "tillage_week": "Monday of the week of tillage",
    "p_start": "First day of the practice",
    "p_end": "Last day of the practice",
}
"""Columns of result tables that the models do not explain."""
_DECLARED = {
    "HoldID": "Number of the holding, the same in each version",
    "GeomValid": "1 = the outline was valid, or its repair changed the area by less than 1 %",
    "Duplic": "1 = another parcel has exactly this outline",
    "Overlap": "1 = more than 10 % lie under other parcels",
    "Area_meters": "Area, m2",
    "S2Pix": "10 m pixels inside the outline shrunk by 5 m",
    "S1Pix": "20 m pixels inside the outline shrunk by 10 m",
    "LC": "Land cover of the crop code table",
    "CTnumDIV": "Crop type for crop diversification",
}
DIVERSIFICATION = {
    "CD_cat": "Exemption or category of the holding; several where what is unknown could make it either",
    "CD_diagn": f"Whether its rules are met: {', '.join(DIAGNOSES)}",
    "Classif_r": f"Whether the map confirms the parcel: {', '.join(CONFORMITIES)}",
    "nb_types_c": "Crop types on arable land that are known",
    "area_eaa_c": "Eligible agricultural area that is known, m2; so the next ones",
    "area_tal_c": "Arable land",
    "area_tempGrass_c": "Temporary grass",
    "area_permGrass_c": "Permanent grass",
    "area_llf_c": "Land lying fallow",
    "area_cwater_c": "Crops under water",
    "area_remAl_ex2_c": "Arable land that remains beside what exemption 2 counts",
    "area_remAl_ex3_c": "Arable land that remains beside what exemption 3 counts",
    "area_mainCrop_c": "The largest crop",
    "area_2mainCrop_c": "The second crop",
    "nb_parcels_nc": "Parcels whose crop is not known",
    "area_nc": "Their area, m2",
}


def output_sections() -> list[str]:
    """Return a section for each kind of file or table that comes out."""
    return [
        _parcels(), _observations(), _rasters(), _crop_types(), _diversification(), _mowing(),
        _mowing_scores(), _practices(), _items(), _others(),
    ]  # fmt: skip


def _parcels() -> str:
    plain = {
        "set_id": "version of the declarations",
        "hold_id": "whole number of the holding, the same in every version",
        "ori_id": "the agency's parcel id; several columns joined with `-`",
        "ori_hold": "the agency's holding id",
        "ori_crop": "the declared crop code",
        "geom_valid": "the outline was valid, or its repair changed the area by less than 1 %",
        "duplic": "another parcel has exactly this outline",
        "overlap": "more than 10 % lie under other parcels",
        "area_m2": "area in an equal-area projection",
        "shape_index": "perimeter / (2 sqrt(pi area))",
        "geometry_hash": "another one where any coordinate is another",
    }
    docs = attribute_docs(Parcel)
    rows = [
        (f"`{column.name}`", _ORIGINAL.get(column.name, ""), _kind(column.type),
         docs.get(column.name) or plain.get(column.name, ""))
        for column in Parcel.__table__.columns
    ]  # fmt: skip
    return f"""## Parcels, as PostGIS has them (table `parcel`)

Every parcel of every version of the declarations; `sen4cap import` and the receipt tell the number of the
version.

{table(("column", "in the original", "type", "meaning"), rows)}"""


def _observations() -> str:
    text = inspect.getdoc(store) or ""
    columns = text[text.index(_OBSERVED) :]
    rows = [(f"`{name}`", ", ".join(f"`{one}`" for one in variables)) for name, variables in GROUPS.items()]
    rows += [
        ("`backscatter`", "`vv`, `vh` (linear power), `vv_db`, `vh_db`, `vh_vv` (ratio)"),
        ("`coherence`", "`coh_vv`, `coh_vh`"),
    ]
    return f"""## Observations (Parquet)

One file for each acquisition, tile, version of the declarations and group of variables, sorted by parcel:
`sites/<site>/<year>/observations/set-<version>/<tile>/<YYYYMMDD>/<instant>_<group>_<version>.parquet`.
{" ".join(columns.replace("``", "`").split())} The file's metadata tell scene, tile, acquisition and
software.

{table(("group", "variables (those the product has)"), rows)}

Example, the rows of a set of the group `ndvi`:

{block(examples.observations_example(), "csv")}"""


def _rasters() -> str:
    rows = [("ndvi", "(B08 - B04) / (B08 + B04)", "Normalised difference vegetation index")]
    rows += [(name, "neural network", DESCRIPTIONS[name]) for name in NETWORK_VARIABLES]
    rows += [(name, index.expression, index.description) for name, index in INDICES.items()]
    cells = [
        (f"`{naming.l3b_collection(name)}`", f"`{expression}`", text, f"{quantisation_of(name).scale:g}")
        for name, expression, text in rows
    ]
    nodata = quantisation_of("ndvi").nodata
    return f"""## Rasters (cloud-optimised GeoTIFF)

On the tile's own UTM grid, in tiles of 512 pixels with overviews, ZSTD. Value = stored int16 x scale, which
the file itself says too; {nodata} is missing (cloud, shadow, snow, water, outside of the swath).
Reflectance is 0..1, below 0 taken as 0; Sentinel-2 names stand for the band of that colour. One file for
each scene, tile and variable: `sites/<site>/<year>/l3b/<tile>/<YYYYMMDD>/<item>.tif`.

{table(("collection", "formula", "what", "scale"), cells)}

Radar rasters are float32, not a number where missing, 20 m: `{naming.S1_BACKSCATTER}` (linear power, a file
for each polarisation), `{naming.S1_COHERENCE}` (0..1), `{naming.S1_COMPOSITE}`."""


def _crop_types() -> str:
    texts = {**_DECLARED, **CROP_TEXTS}
    rows = [(f"`{name}`", texts[name]) for name in (*CSV_COLUMNS, *PREDICTION_COLUMNS)]
    more = [(f"`{name}`", CROP_TEXTS[name]) for name in ("Conform", "Doubtful", "Reason")]
    made = examples.crop_type_examples()
    return f"""## Crop types (L4A)

`CropType.csv` has the original's columns and the parcels whose crop code is known; `NA` is missing. The
GeoPackage, the shapefile and the GeoParquet have every parcel, `ori_id`, `ori_hold`, `ori_crop`, the
outline, and: {", ".join(f"{name} ({text[0].lower()}{text[1:]})" for name, text in more)}, `Gap_days`
(longest time without a clear date that was bridged). The side tables are named in [Crop
types](crop-types.md).

{table(("column", "meaning"), rows)}

Example:

{block(made["CropType.csv"], "csv")}

{_database("Runs", models.CropTypeRun)}

{_database("Parcels of the run in force", models.CropTypeResult)}"""


def _diversification() -> str:
    made = examples.crop_type_examples()
    rows = [(f"`{name}`", text) for name, text in DIVERSIFICATION.items()]
    return f"""## Crop diversification

Beside the crop types: a table of parcels and one of holdings.

{table(("column", "meaning"), rows)}

Example, `Diversification_parcels.csv` and `Diversification_holdings.csv` of the parcels above:

{block(made["Diversification_parcels.csv"], "csv")}

{block(made["Diversification_holdings.csv"], "csv")}

{_database("Holdings of the run in force", models.DiversificationResult)}"""


def _mowing() -> str:
    made = examples.mowing_example()
    rows = [
        (f"`{name}`", kind, made[name], tables.COLUMN_TEXTS[name]) for name, kind in tables.COLUMNS.items()
    ]
    events = [(f"`{name}`", str(kind)) for name, kind in tables.EVENT_COLUMNS.items()]
    lists = [
        (f"`{name}`", f"list of {kind}", tables.COLUMN_TEXTS[name])
        for name, (_, kind) in tables.ALL_EVENTS.items()
    ]
    return f"""## Mowing (L4B)

GeoPackage (layer `{tables.LAYER}`), GeoParquet, and CSV without outlines. The columns of the original;
{tables.MAX_SLOTS} mowings have columns of their own, all are in the events table. The GeoParquet has `id`
and `metrics:area` too, as fiboa's readers expect.

{table(("column", "type", "example", "meaning"), rows)}

The GeoParquet also has all events of each parcel as lists, as long as `mow_total`:

{table(("column", "type", "meaning"), lists)}

The events table (Parquet):

{table(("column", "type"), events)}

{_database("Runs", models.MowingRun)}

{_database("Parcels of the run in force", models.MowingResult)}

{_database("Their mowings", models.Marker)}"""


def _mowing_scores() -> str:
    ids, areas, crops = (
        ", ".join(f"`{name}`" for name in names)
        for names in (scores.ID_COLUMNS, scores.AREA_COLUMNS, scores.CROP_COLUMNS)
    )
    rows = [(f"`{name}`", meaning) for name, meaning in scores.SCORE_COLUMNS.items()]
    return f"""## Mowing scores (`sen4cap l4b score`)

The tables compared are CSV or Parquet. The parcel id is the first of {ids}; detections have `start`, `end`
and `confidence`, or the columns `m1_dstart` to `m4_conf`; the reference has `date`, or `start` and `end`; an
empty date is a parcel that was watched and not mown. Crop codes are read from {crops}, sizes from
{areas}. Written are `reliability.csv` (`from`, `to`, `detections`, `stated`, `observed`), two plots and
`scores.csv`:

{table(("column", "meaning"), rows)}"""


def _practices() -> str:
    texts = practice_exports.COLUMN_TEXTS
    rows = [(f"`{name}`", _practice_meaning(name, texts)) for name in practice_exports.ORIGINAL_COLUMNS]
    ours = [f"`{name}` ({text[0].lower()}{text[1:]})" for name, text in texts.items()
            if name not in practice_exports.ORIGINAL_COLUMNS]  # fmt: skip
    return f"""## Practices (L4C)

A table for each practice, all columns text: the original's CSV (semicolons; the last three columns only
with tillage), a GeoPackage (layer `{practice_exports.LAYER}`) and GeoParquet with the outlines. These have
also {", ".join(ours)}.

{table(("column", "meaning"), rows)}

Example:

{block(examples.practice_example(), "csv")}

{_database("Evaluations", models.PracticeRun)}

{_database("Rows of the evaluation in force", models.PracticeResult)}"""


def _practice_meaning(name: str, texts: Mapping[str, str]) -> str:
    own = {
        "COUNTRY": "Of the practice table, else of the site",
        "YEAR": "Year of the start of vegetation",
        "MAIN_CROP": "As in the practice table",
        "VEG_START": "First day of vegetation; `NR` not relevant",
        "H_START": "First day on which harvest is looked for",
        "H_END": "Last day on which harvest is looked for",
        "PRACTICE": "As in the practice table",
        "P_TYPE": "As in the practice table",
        "P_START": "First day of the practice; found, where the table leaves it open",
        "P_END": "Last day of the practice",
        "H_W_END": "Sunday of the harvest week",
        "S1PIX": "Radar pixels of the parcel",
        "H_S1GAPS": "The same from `H_START` to `H_END`",
        "P_S1GAPS": "The same from `P_START` to `P_END`",
        "H_W_S1GAPS": "The same around the harvest week",
        "H_QUALITY": "1 = many weeks without radar around the harvest; else empty",
        "C_QUALITY": "1 = many weeks without radar in the practice period; else empty",
        "TL_W_START": "Monday of the week of tillage",
        "TL_W_END": "Sunday of the week of tillage",
    }
    return texts.get(name) or own[name]


def _items() -> str:
    collections = [
        (naming.L3B_NDVI, "one index of a scene and tile, and so for each index"),
        (naming.L3A_COMPOSITE, "composite of reflectance of a tile, period and pixel size"),
        (naming.S1_BACKSCATTER, "backscatter made from SLC or GRD, a scene and tile"),
        (naming.S1_COHERENCE, "coherence made from SLC, a pair and tile"),
        (naming.S1_COMPOSITE, "radar composite of a tile, period, orbit direction and polarisation"),
        (naming.L4A_CROP_TYPES, "crop type map of a season"),
        (naming.L4B_MOWING, "mowing of a season"),
        (naming.L4C_PRACTICES, "one practice of a year"),
        (naming.MARKERS, "a marker database"),
    ]
    return f"""## STAC items (JSON)

Each product has a STAC 1.1 item beside it, found from `catalog.json` of the data root. `derived_from` links
what it was made of; `sen4cap:content_key` is the SHA-256 of inputs, parameters and software: the same work
has the same key. Items of tables have `table:columns` with type and meaning of each column instead of
bands.

{table(("collection", "an item is"), [(f"`{name}`", text) for name, text in collections])}

Example:

{block(examples.item_example(), "json")}"""


def _others() -> str:
    return """## Other files

* Receipts (`<file>.receipt.json`) and error texts: [The upload folder](upload-folder.md).
* Marker databases (`.ipc`, `.parquet`): [Marker databases](markers.md).
* Labels (`labels/.../*.npz`): run-length spans of each parcel's pixels, a cache of the system's own."""


def _database(title: str, model: type[Base]) -> str:
    rows: Sequence[Sequence[str]] = [
        (
            f"`{column.name}`",
            _kind(column.type) + (" or null" if column.nullable else ""),
            _meaning(model, column.name),
        )
        for column in model.__table__.columns
    ]
    return f"""{title}: table `{model.__tablename__}`.

{table(("column", "type", "meaning"), rows)}"""


def _meaning(model: type[Base], name: str) -> str:
    text = attribute_docs(model).get(name) or _KEYS.get(name)
    if not text:
        raise LookupError(f"{model.__name__}.{name} has no text below it that says what it is")
    return text


def _kind(sql_type: object) -> str:
    return str(sql_type).split("(")[0].lower()

"""The page of formats, written from the models that read and write them: ``docs/formats.md``.

``python -m sen4cap_core.cli.formats docs/formats.md`` writes it anew; a test holds it against the models.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sen4cap_core.db.models import Parcel
from sen4cap_core.declarations import crop_codes, l4b_config, l4c_config, l4c_layers, practice_tables
from sen4cap_core.declarations.columns import ColumnMapping
from sen4cap_core.declarations.grass_settings import GrassSettings
from sen4cap_core.observations import store
from sen4cap_core.products import tables

_OBSERVED = "Columns: "


def formats_page() -> str:
    """Return the whole page as markdown."""
    parts = [
        _head(),
        _declarations(),
        _crop_codes(),
        _l4b(),
        _l4c(),
        _practices(),
        _parcels(),
        _observations(),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def attribute_docs(owner: type) -> dict[str, str]:
    """Return the text below each field of a class, in one line; empty where there is none."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    name = ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            docs[name] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            docs[name] = " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""
    return docs


def _head() -> str:
    return """# Formats

Every file that goes in, and every table that comes out, column by column. This page is written from the
models that
read and write them (`python -m sen4cap_core.cli.formats docs/formats.md`). Where a file is dropped is told in
[The upload folder](upload-folder.md); words are explained in the [glossary](glossary.md)."""


def _declarations() -> str:
    docs = attribute_docs(ColumnMapping)
    rows = [
        (f"`{name}`", _type(field), _default(field), docs[name])
        for name, field in ColumnMapping.model_fields.items()
    ]
    return f"""## Declarations

A vector file with one feature for each parcel: zipped shapefile, GeoPackage, GeoParquet, FlatGeobuf, GML
or GeoJSON,
in any projection that has a definition. Ids and crop codes are texts: `046` stays `046`.

### declarations.yaml

{_table(("key", "value", "default", "meaning"), rows)}

Example:

    parcel_id: [FARM_NO, PARCEL_NO]
    holding_id: FARM_NO
    crop_code: CROP_CODE
    mode: update"""


def _crop_codes() -> str:
    covers = ", ".join(f"{number} {meaning}" for number, meaning in crop_codes.LAND_COVERS.items())
    rules = {
        "Ori_crop": "the code as the declarations have it; not empty, each once",
        "CTnum": "whole number, each once",
        "LC": f"land cover: {covers}",
    }
    rows = []
    for name in crop_codes.COLUMNS:
        rule = "text"
        if name in crop_codes.WHOLE_NUMBERS:
            rule = "whole number"
        if name in crop_codes.FLAGS:
            rule = "0 or 1"
        rows.append((f"`{name}`", rules.get(name, rule)))
    header = ",".join(crop_codes.COLUMNS)
    return f"""## Crop code table (L4A look-up table)

CSV with a header, in any order and any upper or lower case, separated by comma, semicolon or tab.
Further columns are
kept. Every offence is told at once, with its row and column.

{_table(("column", "rule"), rows)}

Example:

    {header}
    265,265,Permanent grassland,3,265,Grassland,265,Grassland,1,0,1,0,0,0"""


def _l4b() -> str:
    models: Mapping[str, type[BaseModel]] = {
        "s2": l4b_config.OpticalSettings,
        "s1": l4b_config.RadarSettings,
        "general": l4b_config.L4BConfig,
        "grass": GrassSettings,
    }
    rows = []
    for section, keys in l4b_config.KEYS.items():
        for name, key in keys.items():
            if key.group in models:
                model = models[key.group]
                field = model.model_fields[key.field]
                meaning = attribute_docs(model).get(key.field, "") or key.field.replace("_", " ")
                rows.append((f"`{name}`", section, _default(field), _range(field), meaning))
            elif key.group == "fixed":
                rows.append((f"`{name}`", section, key.field, f"only {key.field}", ""))
            elif key.group == "unused":
                rows.append((f"`{name}`", section, "", "", "accepted, without effect"))
            else:
                rows.append(
                    (f"`{name}`", section, "empty", "", "lists of one length, one entry for each crop")
                )
    return f"""## Mowing configuration (L4B)

The original's `.cfg` file. A key left out keeps its default; an unknown key is an error with its line.
Comments begin
with `#` or `;`.

{_table(("key", "section", "default", "range", "meaning"), rows)}

Example:

    [S2_processing]
    low_abs_th = 0.5
    [compliancy]
    crop_codes = 265, 331
    crop_time_intervals = ('01/04/2019', '31/10/2019'), ('01/04/2019', '31/10/2019')
    crop_rule = 0, 0"""


def _l4c() -> str:
    docs = attribute_docs(l4c_config.PracticeSettings)
    rows = [
        (f"`{name.upper()}`", _default(field), _range(field), docs[name])
        for name, field in l4c_config.PracticeSettings.model_fields.items()
    ]
    return f"""## Practices configuration (L4C)

The original's `.cfg` file: `[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]` for all practices, and a section for
each of
{", ".join(l4c_config.PRACTICES)} whose keys carry its prefix (`[CC_TIME_SERIES_ANALYSIS_PARAMS]`,
`CC_NDVIUP`).
`${{YEAR}}` is the season's year; {l4c_config.NOT_AVAILABLE} means that the value of another key is used.
Without a file
the published settings of the country apply ({", ".join(l4c_layers.countries())}), else the default ones;
`sen4cap config show l4c` prints what is in force. The file must give
{", ".join(name.upper() for name in l4c_config.MANDATORY)}.

{_table(("key", "built-in default", "range", "meaning"), rows)}

Example:

    [DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
    NDVIUP = 350
    [CC_TIME_SERIES_ANALYSIS_PARAMS]
    CC_CATCHPERIODSTART = "${{YEAR}}-07-15\""""


def _practices() -> str:
    names = ", ".join(f"`{code}` {name}" for code, name in practice_tables.PRACTICE_NAMES.items())
    rows = []
    for name in practice_tables.UPLOAD_COLUMNS:
        rule = "text"
        if name in practice_tables.DATE_COLUMNS:
            rule = "`YYYY-MM-DD` or `NA`"
        if name == "FIELD_ID":
            rule = "the parcel's id in the declarations"
        if name == "PRACTICE":
            rule = f"by folder: {names}"
        rows.append((f"`{name}`", rule))
    other = ", ".join(f"`{name}`" for name in practice_tables.OTHER_COLUMNS)
    return f"""## Practice tables

CSV separated by comma, semicolon or tab, in `practices/NA`, `CC`, `FL` or `NFC`. The original's tables
of 11 and 22
columns are taken too; of their further columns {other} are used.

{_table(("column", "rule"), rows)}

Example:

    {",".join(practice_tables.UPLOAD_COLUMNS)}
    31.001,1933,2019-05-20,2019-06-03,2019-10-15,CatchCrop,CatchCrop_1,2019-10-15,NA"""


def _parcels() -> str:
    docs = attribute_docs(Parcel)
    original = {
        "new_id": "NewID", "hold_id": "HoldID", "geom_valid": "GeomValid", "duplic": "Duplic",
        "overlap": "Overlap", "area_m2": "Area_meters", "shape_index": "ShapeInd", "s1_pix": "S1Pix",
        "s2_pix": "S2Pix",
    }  # fmt: skip
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
    rows = [
        (f"`{column.name}`", original.get(column.name, ""), str(column.type).split("(")[0].lower(),
         docs.get(column.name) or plain.get(column.name, ""))
        for column in Parcel.__table__.columns
    ]  # fmt: skip
    return f"""## Parcels, as PostGIS has them (table `parcel`)

{_table(("column", "in the original", "type", "meaning"), rows)}"""


def _observations() -> str:
    text = inspect.getdoc(store) or ""
    columns = text[text.index(_OBSERVED) :]
    return f"""## Observations (Parquet)

One file for each acquisition, tile, version of the declarations and group of variables, sorted by parcel.
{" ".join(columns.replace("``", "`").split())}

## Mowing tables (GeoPackage, GeoParquet)

The columns of the original; {tables.MAX_SLOTS} mowings have columns of their own, all are in the events
table.

{_mowing_columns()}"""


def _mowing_columns() -> str:
    rows = [(f"`{name}`", kind) for name, kind in tables.COLUMNS.items()]
    return _table(("column", "type"), rows)


def _type(field: FieldInfo) -> str:
    text = str(field.annotation)
    if "tuple" in text:
        return "a column, or a list of columns"
    if "Literal" in text:
        return ", ".join(f"`{value}`" for value in field.annotation.__args__)  # type: ignore[union-attr]
    return "text"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _range(field: FieldInfo) -> str:
    marks = {"ge": "≥ ", "gt": "> ", "le": "≤ ", "lt": "< "}
    found = [
        f"{mark}{getattr(limit, name)}"
        for limit in field.metadata
        for name, mark in marks.items()
        if getattr(limit, name, None) is not None
    ]
    return ", ".join(found)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(formats_page(), encoding="utf-8")

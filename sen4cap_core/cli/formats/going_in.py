"""The part of the page of formats that explains what goes in, site.yaml aside."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from sen4cap_core.cli.formats.text import attribute_docs, block, default_text, model_table, range_text, table
from sen4cap_core.declarations.parcels.columns import ColumnMapping
from sen4cap_core.declarations.settings import l4b_config, l4b_file, l4b_layers, l4c_config, l4c_layers
from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.tables import crop_codes, practice_tables

DECLARATIONS_EXAMPLE = """
parcel_id: [FARM_NO, PARCEL_NO]
holding_id: FARM_NO
crop_code: CROP_CODE
mode: update
"""
CROP_CODES_EXAMPLE = (
    ",".join(crop_codes.COLUMNS)
    + """
265,265,Permanent grassland,3,265,Grassland,265,Grassland,1,0,1,0,0,0
0461,461,Winter wheat,1,46,Wheat,46,Wheat,1,1,0,0,0,0
"""
)
L4B_EXAMPLE = """
[S2_processing]
low_abs_th = 0.5
[compliancy]
crop_codes = 265, 331
crop_time_intervals = ('01/04/2019', '31/10/2019'), ('01/04/2019', '31/10/2019')
crop_rule = 0, 0
"""
_LISTS = {
    "crop_codes": "crop codes as the declarations have them; of those without an entry nothing is demanded",
    "crop_time_intervals": "one period for each crop code: `('dd/mm/yyyy', 'dd/mm/yyyy')`",
    "crop_rule": f"one rule for each crop code: {l4b_file.RULES}",
}
_VERDICTS = (
    ("inside only", "1 compliant", "1 compliant"),
    ("inside and outside", "1 compliant", "3 mown inside and outside: not compliant"),
    ("outside only", "2 not compliant", "2 not compliant"),
    ("none, and the parcel could be judged", "2 not compliant", "2 not compliant"),
    ("none, and it could not be judged", "0 not assessed", "0 not assessed"),
)
L4C_EXAMPLE = """
[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
OPTTHRVEGCYCLE = 350
NDVIDW = 300
NDVIUP = 350
NDVISTEP = 5
OPTTHRMIN = 100
COHTHRBASE = 0.05
COHTHRHIGH = 0.15
COHTHRABS = 0.75
AMPTHRMIN = 0.1
[CC_TIME_SERIES_ANALYSIS_PARAMS]
CC_CATCHPERIODSTART = "${YEAR}-07-15"
"""
PRACTICES_EXAMPLE = (
    ",".join(practice_tables.UPLOAD_COLUMNS)
    + """
31.001,1933,2019-05-20,2019-06-03,2019-10-15,CatchCrop,CatchCrop_1,2019-10-15,NA
"""
)


def input_sections() -> list[str]:
    """Return a section for each kind of file that goes in."""
    return [_declarations(), _crop_codes(), _l4b(), _l4c(), _practices()]


def _declarations() -> str:
    return f"""## Declarations

A vector file with one feature for each parcel: zipped shapefile, GeoPackage, GeoParquet, FlatGeobuf, GML or
GeoJSON, alone or anywhere inside a zip, in any projection that has a definition. Ids and crop codes are
texts: `046` stays `046`.

### declarations.yaml

{model_table(ColumnMapping)}

Example:

{block(DECLARATIONS_EXAMPLE, "yaml")}"""


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
    return f"""## Crop code table (L4A look-up table)

CSV with a header, in any order and any upper or lower case, separated by comma, semicolon or tab. Further
columns are kept. Every offence is told at once, with its row and column.

{table(("column", "rule"), rows)}

Example:

{block(CROP_CODES_EXAMPLE, "csv")}"""


def _l4b() -> str:
    models: Mapping[str, type[BaseModel]] = {
        "s2": l4b_config.OpticalSettings,
        "s1": l4b_config.RadarSettings,
        "general": l4b_config.L4BConfig,
        "grass": GrassSettings,
    }
    rows = []
    for section, keys in l4b_file.KEYS.items():
        for name, key in keys.items():
            if key.group in models:
                model = models[key.group]
                field = model.model_fields[key.field]
                meaning = attribute_docs(model).get(key.field, "") or key.field.replace("_", " ")
                rows.append((f"`{name}`", section, default_text(field), range_text(field), meaning))
            elif key.group == "fixed":
                rows.append((f"`{name}`", section, key.field, f"only {key.field}", ""))
            elif key.group == "unused":
                rows.append((f"`{name}`", section, "", "", "accepted, without effect"))
            else:
                rows.append((f"`{name}`", section, "empty", "", _LISTS[name]))
    return f"""## Mowing configuration (L4B)

The original's `.cfg` file. A key left out keeps its default; an unknown key is an error with its line.
Comments begin with `#` or `;`. Without a file the published settings of the country apply, with the periods
in which a crop must be mown ({", ".join(l4b_layers.countries())}), else the default ones. `site.yaml` may
set single keys by section (`l4b: {{settings: {{S2_processing: {{low_abs_th: 0.4}}}}}}`); `sen4cap config show
l4b` prints what is in force, and where each value comes from.

The periods were published for 2019. The codes of Romania were known to us as 450, 603 to 612, 660 to 663
and 671: it is assumed that every code of the two ranges is meant. Set the codes of your year in a file of
your own. `ADDITIONAL_COLUMNS = NAME, ShapeInd` lets columns of the declarations, or of what is computed of
a parcel (`HoldID`, `GeomValid`, `Duplic`, `Overlap`, `Area_meters`, `ShapeInd`, `S1Pix`, `S2Pix`), come along
into the mowing tables; a name that no parcel has a value of ends the evaluation with the names there are.

{table(("key", "section", "default", "range", "meaning"), rows)}

What a parcel's `compl` is, by its mowings and the rule of its crop (-1: the crop has no entry). A mowing is
inside when its interval overlaps the period:

{table(("mowings", "`crop_rule` 0", "`crop_rule` 1"), _VERDICTS)}

Example:

{block(L4B_EXAMPLE, "ini")}"""


def _l4c() -> str:
    docs = attribute_docs(l4c_config.PracticeSettings)
    rows = [
        (f"`{name.upper()}`", default_text(field), range_text(field), docs[name])
        for name, field in l4c_config.PracticeSettings.model_fields.items()
    ]
    return f"""## Practices configuration (L4C)

The original's `.cfg` file: `[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]` for all practices, and a section for
each of {", ".join(l4c_config.PRACTICES)} whose keys carry its prefix (`[CC_TIME_SERIES_ANALYSIS_PARAMS]`,
`CC_NDVIUP`). `${{YEAR}}` is the season's year; {l4c_config.NOT_AVAILABLE} means that the value of another
key is used. Without a file the published settings of the country apply
({", ".join(l4c_layers.countries())}), else the default ones; `sen4cap config show l4c` prints what is in
force. The file must give {", ".join(name.upper() for name in l4c_config.MANDATORY)}.

{table(("key", "built-in default", "range", "meaning"), rows)}

Example:

{block(L4C_EXAMPLE, "ini")}"""


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

CSV separated by comma, semicolon or tab, in `practices/NA`, `CC`, `FL` or `NFC`. The original's tables of
11 and 22 columns are taken too; of their further columns {other} are used.

{table(("column", "rule"), rows)}

Example:

{block(PRACTICES_EXAMPLE, "csv")}"""

"""The catalogue passes stac-validator, followed from its root through every link, without any network.

The core schemas are those that pystac brings. Nobody ships those of the extensions: the rules for the fields
that we write are stated here, after the published extensions.
"""

from __future__ import annotations

import json
import socket
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pystac.validation
import pytest
import shapely

from sen4cap_core.products import catalog, naming, stac
from sen4cap_core.products.geoparquet import write_table
from tests.products.test_catalog import ORIGIN, publish

with warnings.catch_warnings():
    # The package was renamed; its module was not.
    warnings.simplefilter("ignore", DeprecationWarning)
    from stac_validator.validate import StacValidate

Json = dict[str, Any]

TEXT: Json = {"type": "string", "minLength": 1}
SIZE: Json = {"type": "integer", "minimum": 0}
NUMBERS: Json = {"type": "array", "items": {"type": "number"}}
FIELDS: dict[str, Json] = {
    "processing/v1.2.0": {
        "processing:level": {"type": "string", "pattern": "^(RAW|L0|L1|L1A|L1B|L1C|L2|L2A|L3|L4)$"},
        "processing:lineage": TEXT,
        "processing:facility": TEXT,
        "processing:software": {"type": "object", "additionalProperties": {"type": "string"}},
        "processing:expression": {"type": "object", "required": ["format", "expression"]},
    },
    "projection/v2.0.0": {
        "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[0-9]+$"},
        "proj:shape": {"type": "array", "items": SIZE, "minItems": 2, "maxItems": 2},
        "proj:transform": NUMBERS | {"minItems": 6, "maxItems": 9},
        "proj:bbox": NUMBERS | {"minItems": 4, "maxItems": 6},
    },
    "grid/v1.1.0": {
        "grid:code": {"type": "string", "pattern": "^(MGRS-[0-9]{2}[A-Z]{3}|WRS2-[0-9]{6})$"},
    },
    "eo/v2.0.0": {
        "eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100},
        "eo:snow_cover": {"type": "number", "minimum": 0, "maximum": 100},
    },
    "file/v2.1.0": {
        "file:size": SIZE,
        "file:checksum": {"type": "string", "pattern": "^1220[0-9a-f]{64}$"},
    },
    "raster/v2.0.0": {
        "raster:scale": {"type": "number"},
        "raster:offset": {"type": "number"},
        "raster:spatial_resolution": {"type": "number", "exclusiveMinimum": 0},
        "raster:sampling": {"enum": ["area", "point"]},
    },
    "table/v1.2.0": {
        "table:columns": {"type": "array", "items": {"type": "object", "required": ["name", "type"]}},
        "table:row_count": SIZE,
        "table:primary_geometry": TEXT,
    },
}


def rules(fields: Json) -> Json:
    """Return a schema that holds for properties, assets and bands, and knows every field of its prefix."""
    [prefix] = {name.partition(":")[0] for name in fields}
    holder = {
        "type": "object",
        "properties": fields,
        # A misspelt field has no rule, and is refused.
        "patternProperties": {f"^{prefix}:": {}},
        "propertyNames": {
            "not": {"pattern": f"^{prefix}:(?!({'|'.join(n.partition(':')[2] for n in fields)})$)"}
        },
    }
    asset = {"allOf": [holder, {"properties": {"bands": {"items": holder}}}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"properties": holder, "assets": {"additionalProperties": asset}},
    }


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Address of each schema -> file."""
    folder = Path(pystac.validation.__file__).parent / "jsonschemas"
    found = {}
    for path in folder.rglob("*.json"):
        address = json.loads(path.read_text(encoding="utf-8"))["$id"].rstrip("#")
        # One of the published addresses lacks its dot.
        found[address.replace("commonjson", "common.json")] = str(path)
    own = tmp_path_factory.mktemp("extensions")
    for name, fields in FIELDS.items():
        path = own / f"{name.replace('/', '-')}.json"
        path.write_text(json.dumps(rules(fields)), encoding="utf-8")
        found[f"https://stac-extensions.github.io/{name}/schema.json"] = str(path)
    return found


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of two sites with rasters and a table, and no network."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"the network was asked: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for site in ("navarra", "polder"):
        publish(tmp_path, site=site)
        publish(tmp_path, site=site, days=5, variable="lai")
    table = pyarrow.table({"parcel": ["1", "2"], "mow_n": [1, 0]})
    path = write_table(table, tmp_path / naming.l4b_folder("navarra", 2019, "main") / "mowing.parquet")
    item = stac.table_item(
        collection=naming.L4B_MOWING,
        item_id="mowing",
        parquet=path,
        footprint=shapely.box(0, 40, 1, 41),
        start=date(2019, 4, 1),
        end=date(2019, 9, 30),
        origin=ORIGIN,
    )
    catalog.publish_item(tmp_path, item, path.with_suffix(".json"))
    return tmp_path


def validate(path: Path, schemas: dict[str, str]) -> list[Json]:
    """Return what stac-validator says of a catalogue and all it links."""
    validator = StacValidate(str(path), recursive=True, schema_map=dict(schemas))
    validator.run()
    told: list[Json] = validator.message
    return told


def test_the_whole_catalogue_is_valid(root: Path, schemas: dict[str, str]) -> None:
    told = validate(root / "catalog.json", schemas)
    assert [one for one in told if not one["valid_stac"]] == []
    seen = {Path(one["path"]).resolve() for one in told}
    assert seen == {path.resolve() for path in root.rglob("*.json")}
    kinds = [one["asset_type"] for one in told]
    assert (kinds.count("ITEM"), kinds.count("COLLECTION")) == (5, 5)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("datetime", "yesterday"),
        ("proj:code", 32630),
        ("grid:code", "30TUM"),
        ("processing:levle", "L3"),
    ],
)
def test_what_is_wrong_in_an_item_is_found(
    root: Path, schemas: dict[str, str], where: str, value: object
) -> None:
    path = next(root.glob("sites/navarra/2019/l3b/**/*.json"))
    item = json.loads(path.read_text(encoding="utf-8"))
    item["properties"][where] = value
    path.write_text(json.dumps(item), encoding="utf-8")
    assert not all(one["valid_stac"] for one in validate(root / "catalog.json", schemas))

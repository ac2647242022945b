"""Declarations: the parcels of a site and year, read from whatever an agency exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import geopandas as gpd
import pandas as pd
import pyarrow as pa
from pyproj import CRS

from sen4cap_core.archives import extract_zip, inspect_zip
from sen4cap_core.declarations.parcels.columns import (
    ColumnChoices,
    ColumnMapping,
    Mode,
    choose_columns,
    read_column_mapping,
)
from sen4cap_core.declarations.shapes.shapes import Shapes, joined_shapes
from sen4cap_core.declarations.texts.texts import Texts, as_texts, joined
from sen4cap_core.declarations.vectors.vector_files import VectorLayer, read_vector
from sen4cap_core.declarations.vectors.vector_packs import UndecidedError

MAPPING_NAME = "declarations.yaml"
N_SAMPLE_ROWS = 5


@dataclass(frozen=True)
class ReadingReport:
    """How a file of declarations was understood: what a receipt shows."""

    file: str
    format: str
    layer: str
    crs: str
    n_rows: int
    columns: ColumnChoices
    sample: list[dict[str, str]]
    """First rows as they were understood: parcel_id, holding_id, crop_code."""
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Return plain values for a receipt."""
        choices = {
            role: {
                "columns": list(choice.columns),
                "chosen": choice.reason,
                "other candidates": list(choice.others),
            }
            for role, choice in (
                ("parcel_id", self.columns.parcel_id),
                ("holding_id", self.columns.holding_id),
                ("crop_code", self.columns.crop_code),
            )
        }
        return {
            "file": self.file,
            "format": self.format,
            "layer": self.layer,
            "crs": self.crs,
            "rows": self.n_rows,
            "columns": choices,
            "first rows": self.sample,
            "warnings": self.warnings,
        }


@dataclass(eq=False)
class Declarations:
    """Parcels as the file has them, in its order, with the columns that mean something found."""

    attributes: pa.Table
    """With the file's own types."""
    shapes: Shapes
    crs: CRS
    columns: ColumnChoices
    report: ReadingReport
    mode: Mode = "update"
    """How these parcels follow those of the version before."""

    @property
    def n_rows(self) -> int:
        """Number of features."""
        return self.report.n_rows

    def release(self) -> None:
        """Let go of attributes and shapes; columns and report stay."""
        self.attributes = self.attributes.slice(0, 0)
        self.shapes = joined_shapes([])

    @property
    def frame(self) -> gpd.GeoDataFrame:
        """One row per feature, in the CRS of the file; columns have the file's own Arrow types."""
        attributes = self.attributes.to_pandas(types_mapper=pd.ArrowDtype)
        geometry = "geometry"
        while geometry in attributes.columns:
            geometry += "_"
        attributes[geometry] = gpd.GeoSeries(self.shapes.objects(), crs=self.crs)
        return gpd.GeoDataFrame(attributes, geometry=geometry, crs=self.crs)


def read_declarations(path: Path, mapping: ColumnMapping | None = None) -> Declarations:
    """Read the parcels of a zipped shapefile, GeoPackage, GeoParquet, FlatGeobuf, GML or GeoJSON.

    Parameters
    ----------
    path : Path
        The file, alone or anywhere inside a zip.
    mapping : ColumnMapping, optional
        The content of declarations.yaml; default: the one inside the zip, if any. What it leaves out is
        guessed (see `columns.choose_columns`) and reported with the first rows: a wrong guess is seen.

    Raises
    ------
    BadUploadError
        Whatever makes the file unusable, in words: several layers, missing parts, no coordinate reference
        system, no column that could be a parcel id.
    UnsafeArchiveError
        A zip that is not safe to unpack.
    """
    # Of the whole process: Arrow's own pool keeps what is given back a while, 0.2 GiB of a million parcels.
    pa.set_memory_pool(pa.system_memory_pool())
    mapping = mapping or _mapping_inside(path) or ColumnMapping()
    try:
        layer = read_vector(
            path, file=mapping.file, layer=mapping.layer, encoding=mapping.encoding, crs=mapping.crs
        )
    except UndecidedError as error:
        raise error.of_declarations() from error
    choices = choose_columns(path, layer.attributes, mapping, feature_id=layer.feature_id)
    warnings = list(layer.notes)
    if not choices.holding_id.columns:
        warnings.append(choices.holding_id.reason)
    if layer.feature_id and choices.parcel_id.columns == (layer.feature_id,) and not choices.parcel_id.given:
        warnings.append(
            f"no column is a parcel id: the feature number stored in the file ({layer.feature_id!r}) is "
            "taken; if the next file numbers its parcels anew, they count as new parcels"
        )
    report = ReadingReport(
        file=layer.file,
        format=layer.format,
        layer=layer.layer,
        crs=_crs_name(layer),
        n_rows=len(layer.shapes),
        columns=choices,
        sample=_sample(layer.attributes, choices),
        warnings=warnings,
    )
    attributes = layer.attributes.drop_columns(_unwanted(layer, choices))
    return Declarations(attributes, layer.shapes, layer.crs, choices, report, mapping.mode)


def _mapping_inside(path: Path) -> ColumnMapping | None:
    if path.suffix.lower() != ".zip":
        return None
    for entry in inspect_zip(path):
        if PurePosixPath(entry.filename).name.lower() == MAPPING_NAME:
            with TemporaryDirectory(prefix="sen4cap-mapping-") as scratch:
                return read_column_mapping(extract_zip(path, Path(scratch), [entry.filename])[0])
    return None


def _crs_name(layer: VectorLayer) -> str:
    authority = layer.crs.to_authority()
    return f"{':'.join(authority)} ({layer.crs.name})" if authority else str(layer.crs.name)


def _unwanted(layer: VectorLayer, choices: ColumnChoices) -> list[str]:
    """The stored feature number, unless it serves as an id: it says nothing about the parcel."""
    used = {*choices.parcel_id.columns, *choices.holding_id.columns, *choices.crop_code.columns}
    return [layer.feature_id] if layer.feature_id and layer.feature_id not in used else []


def role_texts(table: pa.Table, columns: tuple[str, ...]) -> Texts:
    """Return the text of one role for each row: its columns joined with ``-``, None where any is missing."""
    return joined([as_texts(table.column(name)) for name in columns])


def _sample(table: pa.Table, choices: ColumnChoices) -> list[dict[str, str]]:
    head = table.slice(0, N_SAMPLE_ROWS)
    roles: Mapping[str, tuple[str, ...]] = {
        "parcel_id": choices.parcel_id.columns,
        "holding_id": choices.holding_id.columns or choices.parcel_id.columns,
        "crop_code": choices.crop_code.columns,
    }
    texts = {role: role_texts(head, columns) for role, columns in roles.items()}
    return [
        {role: values[row] if values[row] is not None else "" for role, values in texts.items()}
        for row in range(head.num_rows)
    ]

"""One layer of a vector file: any format, character set and projection."""

from __future__ import annotations

import contextlib
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError, ProjError

from sen4cap_core.declarations.shapes.geometry import WGS84
from sen4cap_core.declarations.shapes.moving import transformer
from sen4cap_core.declarations.shapes.shapes import Shapes, joined_shapes, no_shapes, shapes_of, shapes_of_wkb
from sen4cap_core.declarations.texts.decoding import decoded
from sen4cap_core.declarations.texts.encodings import codec_of_label, dbf_encoding
from sen4cap_core.declarations.vectors import geoparquet
from sen4cap_core.declarations.vectors.vector_packs import FORMATS, UndecidedError, called, vector_file
from sen4cap_core.errors import BadUploadError

_DBF_SAMPLE_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 32_768
_READER = Path(pyogrio.__file__).parent
_UNREADABLE = (
    DataSourceError, DataLayerError, RuntimeError, ValueError, pa.ArrowException, shapely.errors.ShapelyError,
)  # fmt: skip
_CALLERS = (Path(__file__), Path(contextlib.__file__))


@dataclass(frozen=True)
class VectorLayer:
    """The features of one layer, in the order of the file."""

    shapes: Shapes
    """In two dimensions, curves made linear."""
    attributes: pa.Table
    """All other columns, with the types of the file."""
    crs: CRS
    file: str
    """Name of the file the layer was read from, inside the zip if it came in one."""
    format: str
    layer: str
    """Name of the layer; empty where the format knows only one."""
    feature_id: str = ""
    """Name of the attribute that is the stored feature number of a GeoPackage, empty for others."""
    notes: tuple[str, ...] = ()
    """What a user should know about how the file was read."""


def read_vector(
    path: Path,
    *,
    file: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
) -> VectorLayer:
    """Read one layer of a vector file, alone or in a zip.

    Parameters
    ----------
    path : Path
        What the user dropped.
    file : str, optional
        Name (or path inside the zip) of the file to take where there are several.
    layer : str, optional
        Layer to take where the file has several with geometry.
    encoding : str, optional
        Character set of a shapefile's attributes, or of texts that are not UTF-8 as their format has it;
        default: the .cpg, else detected.
    crs : str, optional
        Coordinate reference system for a file that has none (``EPSG:28992``); one in the file wins.

    Raises
    ------
    UndecidedError
        Several files, several layers, or no coordinate reference system.
    BadUploadError
        No vector file, a damaged one, no feature, or coordinates that cannot be in their coordinate
        reference system.
    UnsafeArchiveError
        See `archives.inspect_zip`.
    """
    with vector_file(path, file) as found:
        return _read_layer(path, found, layer, encoding, crs)


def _read_layer(
    path: Path, file: Path, layer: str | None, encoding: str | None, crs: str | None
) -> VectorLayer:
    kind = FORMATS[file.suffix.lower()]
    if kind == "GeoParquet":
        shapes, attributes, file_crs = geoparquet.read(path, file)
        feature_id, layer = "", ""
        notes: list[str] = []
    else:
        layer = _choose_layer(path, file, layer)
        shapes, attributes, file_crs, feature_id, notes = _read_ogr(path, file, layer, encoding)
    if len(shapes) == 0:
        raise BadUploadError(
            path, f"{called(path, file)} holds no feature.", remedy="export the layer again."
        )
    attributes, told = decoded(attributes, encoding)
    notes += told
    known_crs = _known_crs(path, file, file_crs, crs, notes)
    _check_range(path, file, shapes, known_crs)
    shown_layer = layer if kind in ("GeoPackage", "GML") else ""
    return VectorLayer(shapes, attributes, known_crs, file.name, kind, shown_layer, feature_id, tuple(notes))


def _known_crs(path: Path, file: Path, of_file: CRS | None, given: str | None, notes: list[str]) -> CRS:
    if of_file is not None:
        if given:
            notes.append(f"the file's own coordinate reference system was taken, not {given}")
        return of_file
    if given:
        try:
            return CRS.from_user_input(given)
        except CRSError as error:
            raise BadUploadError(
                path, f"{given!r} is no coordinate reference system.", expected="a code such as EPSG:28992"
            ) from error
    raise UndecidedError(
        path,
        f"{called(path, file)} has no coordinate reference system.",
        expected="a shapefile with its .prj, or a file that names its EPSG code",
        remedy="export it again with its coordinate reference system (shapefile: pack the .prj too)",
        setting="state it, `crs: EPSG:...`, in declarations.yaml",
    )


def _check_range(path: Path, file: Path, shapes: Shapes, crs: CRS) -> None:
    """Refuse coordinates that the CRS cannot have: metres called degrees, or a wrong zone altogether."""
    west, south, east, north = bounds = shapes.bounds()
    if np.all(np.isnan(bounds)):
        return
    if crs.is_geographic:
        fits = west >= -360 and east <= 360 and south >= -90 and north <= 90
    else:
        try:
            corners = transformer(crs, WGS84).transform(
                [west, east, west, east], [south, south, north, north], errcheck=True
            )
            fits = bool(np.all(np.isfinite(corners)))
        except ProjError:
            fits = False
    if not fits:
        raise BadUploadError(
            path,
            f"the coordinates of {called(path, file)} (x {west:.6g} to {east:.6g}, y {south:.6g} to "
            f"{north:.6g}) cannot be in its coordinate reference system, {crs.name}.",
            remedy="find out which one the coordinates are in, and export the layer with that.",
        )


def _choose_layer(path: Path, file: Path, wanted: str | None) -> str:
    try:
        with warnings.catch_warnings():
            # Measures are dropped as heights are.
            warnings.filterwarnings("ignore", r"Measured \(M\)")
            layers = pyogrio.list_layers(file)
    except (DataSourceError, DataLayerError) as error:
        raise _damaged(path, file, error) from error
    names = [str(name) for name in layers[:, 0]]
    if not names:
        raise _damaged(path, file, ValueError("it holds no layer"))
    with_geometry = [str(name) for name, kind in layers if kind is not None]
    if wanted is not None:
        if wanted not in names:
            raise BadUploadError(
                path,
                f"{called(path, file)} has no layer {wanted!r}.",
                expected=f"one of: {', '.join(names)}",
                remedy="correct `layer` in declarations.yaml.",
            )
        return wanted
    if len(with_geometry) == 1:
        return with_geometry[0]
    if not with_geometry:
        raise BadUploadError(
            path,
            f"{called(path, file)} has no layer with geometry (layers: {', '.join(names)}).",
            remedy="export the layer with its polygons.",
        )
    raise UndecidedError(
        path,
        f"{called(path, file)} has {len(with_geometry)} layers with geometry: {', '.join(with_geometry)}.",
        expected="one layer",
        remedy="export one layer",
        setting=f"name it in declarations.yaml: `layer: {with_geometry[0]}`",
    )


def _read_ogr(
    path: Path, file: Path, layer: str, encoding: str | None
) -> tuple[Shapes, pa.Table, CRS | None, str, list[str]]:
    notes: list[str] = []
    options: dict[str, Any] = {}
    suffix = file.suffix.lower()
    if suffix == ".shp":
        options["ENCODING"] = _shapefile_encoding(path, file, encoding, notes)
    elif suffix == ".gpkg":
        # Nobody else writes the file, so SQLite need leave no journal beside it.
        options["IMMUTABLE"] = "YES"
    elif suffix == ".gml":
        options.update(DOWNLOAD_SCHEMA="NO", WRITE_GFS="NO")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            meta, attributes, shapes = _read_in_parts(file, layer, options)
            if shapes is None:
                # Curves: the slower way in lets GDAL make them linear.
                frame = pyogrio.read_dataframe(file, layer=layer, columns=[], use_arrow=False, **options)
                shapes = shapes_of(frame.geometry.to_numpy())
    except _UNREADABLE as error:
        raise _damaged(path, file, error) from error
    notes += sorted({str(one.message) for one in caught if _is_of_reader(one) and _is_news(str(one.message))})
    number = meta["fid_column"] or "OGC_FID"
    if suffix != ".gpkg":
        attributes, number = attributes.drop_columns([number]), ""
    return shapes, attributes, _parse_crs(meta["crs"]), number, notes


def _read_in_parts(
    file: Path, layer: str, options: dict[str, Any]
) -> tuple[dict[str, Any], pa.Table, Shapes | None]:
    """Read a layer batch by batch; shapes are sorted out in a thread while GDAL reads on.

    Returns
    -------
    meta : what pyogrio says of the layer
    attributes : all columns but the geometry
    shapes : None where there are some that only GDAL can read
    """
    batches: list[pa.RecordBatch] = []
    coming: list[Future[Shapes]] = []
    with (
        ThreadPoolExecutor(1) as beside,
        pyogrio.open_arrow(
            file, layer=layer, return_fids=True, use_pyarrow=True, batch_size=_BATCH_ROWS, **options
        ) as (meta, reader),
    ):
        column = meta["geometry_name"] or "wkb_geometry"
        schema = reader.schema
        for batch in reader:
            if column in schema.names:
                coming.append(beside.submit(shapes_of_wkb, batch.column(column)))
                batch = batch.drop_columns([column])
            else:
                coming.append(beside.submit(no_shapes, batch.num_rows))
            batches.append(batch)
        if column in schema.names:
            schema = schema.remove(schema.get_field_index(column))
        attributes = pa.Table.from_batches(batches, schema)
        try:
            shapes = joined_shapes([part.result() for part in coming])
        except (NotImplementedError, shapely.errors.ShapelyError):
            shapes = None
    return meta, attributes, shapes


def _shapefile_encoding(path: Path, file: Path, given: str | None, notes: list[str]) -> str:
    if given:
        codec = codec_of_label(given)
        if codec is None:
            raise BadUploadError(
                path,
                f"{given!r} is no character set.",
                expected="utf-8, cp1250, iso8859-1 ...",
                remedy="correct `encoding` in declarations.yaml.",
            )
        return codec
    cpg = file.with_suffix(".cpg")
    if cpg.exists():
        label = cpg.read_bytes()[:100].decode("ascii", errors="replace").strip()
        codec = codec_of_label(label)
        if codec is not None:
            return codec
        notes.append(f"the .cpg names an unknown character set, {label!r}")
    with file.with_suffix(".dbf").open("rb") as handle:
        codec, how = dbf_encoding(handle.read(_DBF_SAMPLE_BYTES))
    if how != "plain ASCII":
        notes.append(
            f"character set {codec} ({how}); if names look wrong below, state `encoding` in declarations.yaml"
        )
    return codec


def _parse_crs(text: str | None) -> CRS | None:
    """Return the horizontal CRS, None where the file says none (GeoPackages write `Undefined ...`)."""
    try:
        crs = CRS.from_user_input(text) if text else None
    except CRSError:
        return None
    if crs is not None and crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs is None or crs.is_engineering or crs.name.lower().startswith("undefined"):
        return None
    return crs


def _is_of_reader(warning: warnings.WarningMessage) -> bool:
    """Whether a warning is of the reader and about the file.

    What is caught is that of the whole process: of other threads, and of what Python throws away meanwhile.
    GDAL's warnings have the place of the Python code that called pyogrio, or let its context manager do it.
    """
    is_said_of_data = issubclass(warning.category, RuntimeWarning | UserWarning)
    place = Path(warning.filename)
    return is_said_of_data and (place in _CALLERS or place.is_relative_to(_READER))


def _is_news(message: str) -> bool:
    """Whether a warning of GDAL tells the user something he can act on."""
    usual = ("More than one layer", "organizePolygons", "Measured (M) geometry types")
    return not any(words in message for words in usual)


def _damaged(path: Path, file: Path, error: Exception) -> BadUploadError:
    reason = str(error).replace(str(file), file.name).replace(str(file.parent), "").strip()
    return BadUploadError(
        path,
        f"{called(path, file)} cannot be read ({reason}).",
        remedy="open it in a GIS program to see whether it is whole, and export it again.",
    )

"""Vector files as they come: alone or inside a zip, in any format, character set and projection."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from sen4cap_core.archives import extract_zip, inspect_zip
from sen4cap_core.declarations import geoparquet
from sen4cap_core.declarations.encodings import codec_of_label, dbf_encoding
from sen4cap_core.errors import BadUploadError

FORMATS = {
    ".shp": "shapefile",
    ".gpkg": "GeoPackage",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
    ".fgb": "FlatGeobuf",
    ".gml": "GML",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
}
"""What is read, by the ending of its name."""

_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_MAGIC = {
    ".shp": b"\x00\x00\x27\x0a",
    ".gpkg": b"SQLite format 3\0",
    ".parquet": b"PAR1",
    ".geoparquet": b"PAR1",
    ".fgb": b"fgb\x03",
}
_DBF_SAMPLE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class VectorLayer:
    """The features of one layer, in the order of the file."""

    geometry: NDArray[np.object_]
    """Shapely geometries in two dimensions, curves made linear, None where the feature has none."""
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


@contextmanager
def vector_file(path: Path, wanted: str | None = None) -> Iterator[Path]:
    """Yield the vector file that a path holds: the file itself, or the one inside a zip, unpacked meanwhile.

    Parameters
    ----------
    path : Path
        A vector file or a zip with one in any of its folders. Nothing is written beside it.
    wanted : str, optional
        Name (or path inside the zip) of the file to take where there are several.

    Raises
    ------
    BadUploadError
        No vector file, several, an incomplete shapefile, or a file that is not what its name says.
    UnsafeArchiveError
        See `archives.inspect_zip`.
    """
    with tempfile.TemporaryDirectory(prefix="sen4cap-vector-") as scratch:
        folder = Path(scratch)
        if path.suffix.lower() == ".zip":
            file = _unpack(path, folder, wanted)
        elif path.suffix.lower() in FORMATS:
            file = _beside(path, folder)
        else:
            raise _nothing_inside(path, "this is not a vector file that can be read.")
        _check_content(path, file)
        yield file


def read_vector(path: Path, file: Path, *, layer: str | None, encoding: str | None, crs: str | None
                ) -> VectorLayer:  # fmt: skip
    """Read one layer of a file that `vector_file` yields.

    Parameters
    ----------
    path : Path
        What the user dropped, for error messages.
    layer : str, optional
        Layer to take where the file has several with geometry.
    encoding : str, optional
        Character set of a shapefile's attributes; default: its .cpg, else detected.
    crs : str, optional
        Coordinate reference system for a file that has none (``EPSG:28992``); one in the file wins.

    Raises
    ------
    BadUploadError
        Damaged file, several layers, no feature, no coordinate reference system.
    """
    kind = FORMATS[file.suffix.lower()]
    if kind == "GeoParquet":
        geometry, attributes, file_crs = geoparquet.read(path, file)
        feature_id, layer = "", ""
        notes: list[str] = []
    else:
        layer = _choose_layer(path, file, layer)
        geometry, attributes, file_crs, feature_id, notes = _read_ogr(path, file, layer, encoding)
    if len(geometry) == 0:
        raise BadUploadError(path, f"{file.name} holds no feature.", remedy="export the layer again.")
    known_crs = _known_crs(path, file, file_crs, crs, notes)
    shown_layer = layer if kind in ("GeoPackage", "GML") else ""
    return VectorLayer(
        geometry, attributes, known_crs, file.name, kind, shown_layer, feature_id, tuple(notes)
    )


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
    raise BadUploadError(
        path,
        f"{file.name} has no coordinate reference system.",
        expected="a shapefile with its .prj, or a file that names its EPSG code",
        remedy="export it again with its coordinate reference system (shapefile: pack the .prj too), "
        "or state it, `crs: EPSG:...`, in declarations.yaml.",
    )


def _unpack(path: Path, folder: Path, wanted: str | None) -> Path:
    names = [entry.filename for entry in inspect_zip(path)]
    visible = [name for name in names if not _is_litter(name)]
    found = [name for name in visible if _suffix(name) in FORMATS]
    if wanted:
        found = [name for name in found if wanted in (name, PurePosixPath(name.replace("\\", "/")).name)]
        if not found:
            raise BadUploadError(
                path,
                f"this zip holds no file {wanted!r}.",
                expected=f"one of: {', '.join(visible[:20])}",
                remedy="correct `file` in declarations.yaml.",
            )
    if not found:
        lost = [name for name in visible if _suffix(name) in (".dbf", ".shx", ".prj")]
        if lost:
            raise _incomplete(path, lost[0], [".shp"])
        shown = ", ".join(visible[:10]) or "nothing"
        raise _nothing_inside(path, f"this zip holds no vector file (it holds: {shown}).")
    if len(found) > 1:
        raise BadUploadError(
            path,
            f"this zip holds {len(found)} vector files: {', '.join(sorted(found)[:20])}.",
            expected="one vector file",
            remedy="leave one in the zip, or name it in declarations.yaml: `file: "
            f"{PurePosixPath(sorted(found)[0]).name}`.",
        )
    chosen = found[0]
    if _suffix(chosen) != ".shp":
        return extract_zip(path, folder, [chosen])[0]
    parts = _shapefile_parts(path, chosen, visible)
    extracted = extract_zip(path, folder / "packed", list(parts.values()))
    # One stem and small letters, whatever mixture of cases the zip has: GDAL looks for nothing else.
    target = folder / "shapefile"
    target.mkdir()
    stem = PurePosixPath(chosen.replace("\\", "/")).name[:-4]
    for suffix, file in zip(parts, extracted, strict=True):
        shutil.move(file, target / f"{stem}{suffix}")
    return target / f"{stem}.shp"


def _beside(path: Path, folder: Path) -> Path:
    """Return a view of a file from which nothing is ever written beside the original."""
    suffix = path.suffix.lower()
    if suffix == ".shp":
        parts = _shapefile_parts(path, path.name, [entry.name for entry in path.parent.iterdir()])
        for part_suffix, name in parts.items():
            (folder / f"{path.stem}{part_suffix}").symlink_to((path.parent / name).absolute())
        return folder / f"{path.stem}.shp"
    link = folder / f"{path.stem}{suffix}"
    link.symlink_to(path.absolute())
    wal = path.with_name(path.name + "-wal")
    if suffix == ".gpkg" and wal.exists() and wal.stat().st_size:
        raise BadUploadError(
            path,
            f"this GeoPackage is still open in another program ({wal.name} beside it holds unsaved changes).",
            remedy="close it there, or export the layer to a new file, and drop that.",
        )
    return link


def _shapefile_parts(path: Path, shp: str, names: Sequence[str]) -> dict[str, str]:
    """Map suffix to name for the parts of a shapefile; all but .cpg and .prj must be there.

    A missing .prj is for the reading to report: declarations.yaml may say the projection instead.
    """
    stem = shp[:-4].casefold()
    by_name = {name.casefold(): name for name in names}
    parts = {suffix: by_name[stem + suffix] for suffix in _SHAPEFILE_PARTS if stem + suffix in by_name}
    parts[".shp"] = shp
    missing = [suffix for suffix in (".shx", ".dbf") if suffix not in parts]
    if missing:
        raise _incomplete(path, shp, missing)
    return dict(sorted(parts.items()))


def _incomplete(path: Path, part: str, missing: Sequence[str]) -> BadUploadError:
    return BadUploadError(
        path,
        f"the shapefile of {part} is incomplete: {' and '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} missing.",
        expected=".shp, .shx, .dbf and .prj of one name together in one zip",
        remedy="pack all parts of the shapefile again.",
    )


def _nothing_inside(path: Path, what: str) -> BadUploadError:
    return BadUploadError(
        path,
        what,
        expected=f"one of {', '.join(sorted(set(FORMATS.values())))}, alone or inside a zip",
        remedy="export the layer in one of these formats.",
    )


def _is_litter(name: str) -> bool:
    """Whether an entry is what operating systems add to archives."""
    parts = name.replace("\\", "/").split("/")
    return (
        "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")
    )


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def _check_content(path: Path, file: Path) -> None:
    """Refuse a file whose beginning is not that of its format: drivers are never left to guess."""
    suffix = file.suffix.lower()
    with file.open("rb") as handle:
        head = handle.read(4096)
    expected = _MAGIC.get(suffix)
    if expected is not None and not head.startswith(expected):
        raise BadUploadError(
            path,
            f"{file.name} is not a {FORMATS[suffix]}: its content does not begin like one.",
            remedy="copy or export the file again; it may have been cut short or renamed.",
        )
    if suffix in (".geojson", ".json") and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise BadUploadError(path, f"{file.name} is not GeoJSON.", remedy="export the layer again.")
    if suffix == ".gml":
        _check_gml(path, file)


def _check_gml(path: Path, file: Path) -> None:
    try:
        for _ in iterparse(
            str(file), events=("start",), forbid_dtd=True, forbid_entities=True, forbid_external=True
        ):
            return  # A document type stands before the first element or nowhere.
    except DefusedXmlException as error:
        raise BadUploadError(
            path,
            f"{file.name} declares a document type or entities, which are not accepted.",
            expected="GML without <!DOCTYPE ...>",
            remedy="export the layer again as plain GML or as GeoPackage.",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadUploadError(
            path, f"{file.name} is not well-formed XML ({error}).", remedy="export the layer again."
        ) from error


def _choose_layer(path: Path, file: Path, wanted: str | None) -> str:
    try:
        layers = pyogrio.list_layers(file)
    except (DataSourceError, DataLayerError) as error:
        raise _damaged(path, file, error) from error
    names = [str(name) for name in layers[:, 0]]
    with_geometry = [str(name) for name, kind in layers if kind is not None]
    if wanted is not None:
        if wanted not in names:
            raise BadUploadError(
                path,
                f"{file.name} has no layer {wanted!r}.",
                expected=f"one of: {', '.join(names)}",
                remedy="correct `layer` in declarations.yaml.",
            )
        return wanted
    if len(with_geometry) == 1:
        return with_geometry[0]
    if not with_geometry:
        raise BadUploadError(
            path,
            f"{file.name} has no layer with geometry" + (f" (layers: {', '.join(names)})." if names else "."),
            remedy="export the layer with its polygons.",
        )
    raise BadUploadError(
        path,
        f"{file.name} has {len(with_geometry)} layers with geometry: {', '.join(with_geometry)}.",
        expected="one layer",
        remedy=f"export one layer, or name it in declarations.yaml: `layer: {with_geometry[0]}`.",
    )


def _read_ogr(
    path: Path, file: Path, layer: str, encoding: str | None
) -> tuple[NDArray[np.object_], pa.Table, CRS | None, str, list[str]]:
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
            meta, table = pyogrio.read_arrow(file, layer=layer, return_fids=True, **options)
            geometry = _geometry(file, layer, meta, table, options)
    except (DataSourceError, DataLayerError, RuntimeError, ValueError, pa.ArrowException) as error:
        raise _damaged(path, file, error) from error
    notes += sorted({str(warning.message) for warning in caught if _is_news(str(warning.message))})
    column = meta["geometry_name"] or "wkb_geometry"
    attributes = table.drop_columns([column]) if column in table.column_names else table
    number = meta["fid_column"] or "OGC_FID"
    if suffix != ".gpkg":
        attributes, number = attributes.drop_columns([number]), ""
    return geometry, attributes, _parse_crs(meta["crs"]), number, notes


def _geometry(
    file: Path, layer: str, meta: dict[str, Any], table: pa.Table, options: dict[str, Any]
) -> NDArray[np.object_]:
    column = meta["geometry_name"] or "wkb_geometry"
    if column not in table.column_names:
        return np.full(table.num_rows, None, dtype=object)
    wkb = table.column(column).to_numpy()
    try:
        geometry = shapely.from_wkb(wkb)
    except (NotImplementedError, shapely.errors.ShapelyError):
        # Curves: the slower way in lets GDAL make them linear.
        frame = pyogrio.read_dataframe(file, layer=layer, columns=[], use_arrow=False, **options)
        geometry = frame.geometry.to_numpy()
    return np.asarray(shapely.force_2d(geometry), dtype=object)


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
    try:
        return CRS.from_user_input(text) if text else None
    except CRSError:
        return None


def _is_news(message: str) -> bool:
    """Whether a warning of GDAL tells the user something he can act on."""
    return "More than one layer" not in message and "organizePolygons" not in message


def _damaged(path: Path, file: Path, error: Exception) -> BadUploadError:
    reason = str(error).replace(str(file), file.name).replace(str(file.parent), "").strip()
    return BadUploadError(
        path,
        f"{file.name} cannot be read ({reason}).",
        remedy="open it in a GIS program to see whether it is whole, and export it again.",
    )

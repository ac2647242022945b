"""Finding the one vector file in what was dropped: a bare file, or a zip with folders and sidecars."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from sen4cap_core.archives import extract_zip, inspect_zip
from sen4cap_core.errors import BadUploadError, OtherKindError

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


class UndecidedError(BadUploadError):
    """A file leaves something open that ``declarations.yaml`` could say, if these were declarations."""

    def __init__(self, file: Path, what: str, *, expected: str, remedy: str, setting: str) -> None:
        super().__init__(file, what, expected=expected, remedy=f"{remedy}.")
        self._remedies = f"{remedy}, or {setting}."

    def of_declarations(self) -> BadUploadError:
        """Return the same of a file of declarations: what to write into ``declarations.yaml`` is told too."""
        return BadUploadError(self.file, self.what, expected=self.expected, remedy=self._remedies)


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
    UndecidedError
        Several vector files.
    BadUploadError
        No vector file, an incomplete shapefile, or a file that is not what its name says.
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
        raise UndecidedError(
            path,
            f"this zip holds {len(found)} vector files: {', '.join(sorted(found)[:20])}.",
            expected="one vector file",
            remedy="leave one in the zip",
            setting=f"name it in declarations.yaml: `file: {PurePosixPath(sorted(found)[0]).name}`",
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


def called(path: Path, file: Path) -> str:
    """Name a file in a message about what was dropped: by name only where it came inside a zip."""
    return "this file" if file.name == path.name else file.name


def _beside(path: Path, folder: Path) -> Path:
    """Return a view of a file from which nothing is ever written beside the original."""
    suffix = path.suffix.lower()
    if suffix == ".shp":
        parts = _shapefile_parts(path, path.name, [entry.name for entry in path.parent.iterdir()])
        for part_suffix, name in parts.items():
            (folder / f"{path.stem}{part_suffix}").symlink_to((path.parent / name).absolute())
        return folder / f"{path.stem}.shp"
    view = folder / f"{path.stem}{suffix}"
    if suffix == ".gpkg" and _in_wal_mode(path):
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise BadUploadError(
                path,
                f"this GeoPackage is still open in another program ({wal.name} beside it holds unsaved "
                "changes).",
                remedy="close it there, or export the layer to a new file, and drop that.",
            )
        # Even a reader would leave a journal beside it.
        shutil.copyfile(path, view)
    else:
        view.symlink_to(path.absolute())
    return view


def _in_wal_mode(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(20)[18:20] == b"\2\2"


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


def _nothing_inside(path: Path, what: str) -> OtherKindError:
    return OtherKindError(
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
            f"{called(path, file)} is not a {FORMATS[suffix]}: its content does not begin like one.",
            remedy="copy or export the file again; it may have been cut short or renamed.",
        )
    if suffix in (".geojson", ".json") and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise BadUploadError(path, f"{called(path, file)} is not GeoJSON.", remedy="export the layer again.")
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
            f"{called(path, file)} declares a document type or entities, which are not accepted.",
            expected="GML without <!DOCTYPE ...>",
            remedy="export the layer again as plain GML or as GeoPackage.",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadUploadError(
            path, f"{called(path, file)} is not well-formed XML ({error}).", remedy="export the layer again."
        ) from error

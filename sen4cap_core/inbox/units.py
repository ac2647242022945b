"""What is one upload: a file, a shapefile with its parts, a ``.SAFE`` folder, a STAC item with its assets."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.files import content_hash, files_below, sha256_file
from sen4cap_core.inbox.layout import Kind, Misplaced, UploadPlace, is_ignored, place_of
from sen4cap_core.inbox.links import leads_out
from sen4cap_core.inbox.wrong_kind import is_vector, satellite_product
from sen4cap_core.scenes.radar.s1_drops import find_radar_drops, waits_for_partner
from sen4cap_core.scenes.reading import looks_like_scene
from sen4cap_core.scenes.stac.stac_assets import resolve_href
from sen4cap_core.scenes.stac.stac_item import load_item

logger = logging.getLogger(__name__)

_ITEM_SUFFIXES = (".json", ".geojson")
_SHAPEFILE_MAIN = (".shp", ".shx", ".dbf")
_SHAPEFILE_PARTS = (*_SHAPEFILE_MAIN, ".prj", ".cpg", ".cst", ".qix", ".qpj", ".sbn", ".sbx", ".shp.xml")
_FOLDER_FORMATS = (".gdb", ".parquet")
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True)
class Fingerprint:
    """What tells at a glance whether a unit has changed."""

    size_bytes: int
    mtime_ns: int
    n_files: int


@dataclass(frozen=True)
class Unit:
    """One upload as it lies in the folder."""

    path: Path
    """What is registered and opened: the file, the folder, the ``.shp``, the item's JSON."""
    place: UploadPlace
    parts: tuple[Path, ...]
    """All its files and folders, ``path`` first."""

    def files(self) -> list[Path]:
        """All files, those inside a folder included, sorted; OSError where one cannot be looked at."""
        found: list[Path] = []
        for part in self.parts:
            found += files_below(part) if part.is_dir() else [part]
        return sorted(found)

    def fingerprint(self) -> Fingerprint | None:
        """Total size and latest time; None when something is gone just now or not a file yet.

        Raises
        ------
        OSError
            Something is there and cannot be looked at (permissions, a failing disk).
        """
        size, mtime, number = 0, 0, 0
        try:
            for path in self.files():
                status = path.stat()
                size += status.st_size
                mtime = max(mtime, status.st_mtime_ns)
                number += 1
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return None
        return Fingerprint(size, mtime, number) if number else None

    def content_hash(self) -> str:
        """Hash of the contents, whatever the unit itself is called.

        Names inside a folder, and of an item's assets, count, since the metadata refer to them.
        """
        if len(self.parts) == 1:
            return content_hash(self.path)
        digest = hashlib.sha256()
        for part in sorted(self.parts):
            name = part.relative_to(self.path.parent).as_posix().removeprefix(self.path.stem)
            digest.update(os.fsencode(name) + b"\0" + bytes.fromhex(sha256_file(part)))
        return digest.hexdigest()


def find_units(root: Path, scope: Path | None = None) -> Iterator[Unit | Misplaced]:
    """List what was dropped below ``scope`` (default: the whole upload folder), misplaced things included.

    Never raises for what lies there: a folder that cannot be looked into is misplaced, with the reason.
    """
    folder = root if scope is None else scope
    try:
        yield from _scan(folder, root)
    except (OSError, RecursionError) as error:
        # Each folder is listed with care, so this is one that changed under our eyes or is nested absurdly.
        logger.warning("%r cannot be looked through now: %s", str(folder), error)


def _scan(folder: Path, root: Path) -> Iterator[Unit | Misplaced]:
    if not folder.is_dir() or (folder != root and any(map(is_ignored, folder.relative_to(root).parts))):
        return
    inside = folder / "anything"
    try:
        probe = place_of(inside, root)
    except OSError as error:
        yield from _unreadable(folder, root, error)
        return
    if isinstance(probe, Misplaced) and probe.path != inside:
        # The scope itself is below a folder that nobody expects.
        if _holds_a_file(probe.path):
            yield probe
    elif isinstance(probe, UploadPlace):
        yield from _scan_kind(folder, root, probe.kind)
    else:
        yield from _scan_layout(folder, root)


def find_outside_sites(root: Path) -> Iterator[Misplaced]:
    """List what is misplaced in the upload folder itself: files, folders that cannot be a site, bad links."""
    entries, faults = _look(root, root)
    yield from faults
    for entry in entries:
        place = place_of(entry, root)
        if isinstance(place, Misplaced) and _holds_a_file(entry):
            yield place


def find_unit(path: Path, root: Path) -> Unit | None:
    """Return the unit a registered path stands for, None where it is gone."""
    place = place_of(path, root)
    if not isinstance(place, UploadPlace) or not path.exists():
        return None
    # It may have become a link since it was registered.
    if any(leads_out(one, root) for one in (path, *path.parents) if one.is_relative_to(root) and one != root):
        return None
    for unit in _scan_kind(path.parent, root, place.kind, deep=False):
        if isinstance(unit, Unit) and unit.path == path:
            return unit
    return Unit(path, place, (path,))


def scope_of(path: Path, root: Path) -> Path:
    """Return the folder of the layout (root, site, year or kind) to look at when a path has changed."""
    parts = path.relative_to(root).parts
    return root.joinpath(*parts[: min(max(len(parts) - 1, 0), 3)])


def whole_of(path: Path, root: Path) -> Path:
    """Return what a person sees as the dropped thing: of an item alone in its own folder, that folder.

    The answer stands beside it, and it is what moves to ``rejected/``.
    """
    place = place_of(path, root)
    if (
        isinstance(place, UploadPlace)
        and place.kind is Kind.SCENE
        and path.suffix.lower() in _ITEM_SUFFIXES
        and path.parent != place.folder
        and len(_item_files(path.parent)) <= 1
    ):
        return path.parent
    return path


def _scan_layout(folder: Path, root: Path) -> Iterator[Unit | Misplaced]:
    """Look at the root, a site or a year."""
    files = []
    entries, faults = _look(folder, root)
    yield from faults
    for entry in entries:
        place = place_of(entry, root)
        if isinstance(place, UploadPlace):
            files.append(entry)
        elif isinstance(place, Misplaced):
            if _holds_a_file(entry):
                yield place
        elif entry.is_dir():
            yield from find_units(root, entry)
    yield from _group_files(files, root)


def _scan_kind(folder: Path, root: Path, kind: Kind, *, deep: bool = True) -> Iterator[Unit | Misplaced]:
    if kind is Kind.SCENE:
        yield from _scan_scenes(folder, root, deep=deep)
        return
    files = []
    entries, faults = _look(folder, root)
    yield from faults
    for entry in entries:
        if entry.is_dir() and entry.suffix.lower() not in _FOLDER_FORMATS and not satellite_product(entry):
            if deep:
                yield from _scan_kind(entry, root, kind)
        else:
            files.append(entry)
    yield from _group_files(files, root)


def _group_files(files: list[Path], root: Path) -> Iterator[Unit | Misplaced]:
    """Group the loose parts of shapefiles; everything else is one upload each."""
    mains = {_stem(path) for path in files if path.suffix.lower() == ".shp"}
    lone = {_stem(path) for path in files if path.suffix.lower() in _SHAPEFILE_MAIN} - mains
    for path in files:
        place = place_of(path, root)
        if not isinstance(place, UploadPlace):
            continue
        if not _is_part(path):
            yield Unit(path, place, (path,))
        elif _stem(path) in mains:
            if path.suffix.lower() == ".shp":
                parts = [p for p in files if _is_part(p) and _stem(p) == _stem(path) and p != path]
                yield Unit(path, place, (path, *parts))
        elif _stem(path) in lone and path.suffix.lower() == ".dbf":
            yield Misplaced(
                path,
                BadUploadError(
                    path,
                    "this is a part of a shapefile, and its .shp is not here.",
                    expected=".shp, .shx, .dbf and .prj of one name, best in one zip",
                    remedy="copy the missing files beside it, or drop the zip.",
                ),
                may_become_whole=True,
            )


def _scan_scenes(folder: Path, root: Path, *, deep: bool = True) -> Iterator[Unit | Misplaced]:
    entries, faults = _look(folder, root)
    yield from faults
    claimed: set[Path] = set()
    others: list[Path] = []
    n_scenes = 0
    for entry in entries:
        place = place_of(entry, root)
        if not isinstance(place, UploadPlace):
            continue
        if entry.suffix.lower() in _ITEM_SUFFIXES and entry.is_file():
            parts = (entry, *_assets(entry))
            claimed.update(parts)
            yield Unit(entry, place, parts)
        elif entry.suffix.lower() in (".zip", ".tar") or (entry.is_dir() and looks_like_scene(entry)):
            yield Unit(entry, place, (entry,))
        else:
            others.append(entry)
            continue
        n_scenes += 1
    loose = [entry for entry in others if entry not in claimed]
    for drop in find_radar_drops(loose):
        place = place_of(drop.main, root)
        if isinstance(place, UploadPlace):
            claimed.update((drop.main, *drop.parts, *drop.companions))
            yield Unit(drop.main, place, (drop.main, *drop.parts))
            n_scenes += 1
    top = place_of(folder / "anything", root)
    is_kind_folder = isinstance(top, UploadPlace) and top.folder == folder
    for entry in others:
        if entry.is_dir():
            if deep and entry not in claimed and not any(entry in path.parents for path in claimed):
                yield from _scan_scenes(entry, root)
        elif waits_for_partner(entry.name) and entry not in claimed:
            yield _lone(entry)
        elif is_kind_folder and entry not in claimed:
            yield _stray(entry, "this file is not a scene, and no STAC item here names it.")
    if not is_kind_folder and not n_scenes and any(entry.is_file() for entry in others):
        yield _stray(folder, "there is no scene in this folder.")


def _stray(path: Path, what: str) -> Misplaced:
    is_parcels = is_vector(path.name) and path.is_file()
    error = BadUploadError(
        path,
        what,
        expected="a Sentinel-2 Level-2A .SAFE folder or its zip, a MAJA product, a Landsat Collection 2 "
        "Level-2 product (folder or .tar), a Sentinel-1 product under its producer's name, or a STAC item "
        "JSON with its assets beside it",
        remedy="move it, with all its parts, into declarations/ or strata/."
        if is_parcels
        else "add the item's JSON file, or take this away.",
    )
    return Misplaced(path, error, may_become_whole=True)


def _lone(path: Path) -> Misplaced:
    error = BadUploadError(
        path,
        "this is one acquisition of a burst: coherence needs two.",
        expected="two VV files of one burst, 6 or 12 days apart, in one folder",
        remedy="add the other acquisition; both are then taken by themselves.",
    )
    return Misplaced(path, error, may_become_whole=True)


def _assets(item_path: Path) -> list[Path]:
    try:
        status = item_path.stat()
    except OSError:
        return []
    return [path for path in _asset_paths(item_path, status.st_size, status.st_mtime_ns) if _is_file(path)]


@lru_cache(maxsize=16384)
def _asset_paths(item_path: Path, size_bytes: int, mtime_ns: int) -> tuple[Path, ...]:
    """Files an item names, as of its size and time, so that an item is parsed once and not at each look."""
    try:
        assets = load_item(item_path)["assets"]
    except (BadUploadError, OSError, RecursionError):
        return ()
    folder = item_path.parent.resolve()
    paths = set()
    for asset in assets.values():
        href = asset.get("href") if isinstance(asset, dict) else None
        try:
            target = resolve_href(item_path, str(href or ""))
        except (ValueError, OSError):
            continue
        paths.add(item_path.parent / target.relative_to(folder))
    return tuple(sorted(paths - {item_path, item_path.parent}))


def _item_files(folder: Path) -> list[Path]:
    return [path for path in _list(folder)[0] if path.suffix.lower() in _ITEM_SUFFIXES and path.is_file()]


def _look(folder: Path, root: Path) -> tuple[list[Path], list[Misplaced]]:
    """Return the entries of a folder, and what is wrong: what cannot be looked at, links that lead out."""
    entries, error = _list(folder)
    faults = list(_unreadable(folder, root, error))
    fair = []
    for entry in entries:
        fault = leads_out(entry, root)
        if fault is None:
            fair.append(entry)
        else:
            faults.append(fault)
    return fair, faults


def _list(folder: Path) -> tuple[list[Path], OSError | None]:
    """Return the entries that can be looked at, sorted, and why others cannot, if there are such."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        return [], None if error.errno in _GONE else error
    entries, fault = [], None
    for path in sorted(folder / name for name in names if not is_ignored(name)):
        try:
            path.stat()
        except OSError as error:
            if error.errno not in (*_GONE, errno.ELOOP):
                fault = fault or error
                continue
        entries.append(path)
    return entries, fault


def _unreadable(folder: Path, root: Path, error: OSError | None) -> Iterator[Misplaced]:
    if error is None:
        return
    if folder == root:
        logger.warning("the upload folder %s cannot be read: %s", root, error)
        return
    what = f"what is in this folder cannot be read ({error.strerror or error})."
    remedy = "let the service list it and read its files (chmod -R a+rX); it is then taken by itself."
    yield Misplaced(folder, BadUploadError(folder, what, remedy=remedy), may_become_whole=True)


def is_utf8(path: Path) -> bool:
    """Whether a path is valid UTF-8; the database and our texts take no other."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _holds_a_file(path: Path) -> bool:
    if not path.is_dir():
        return path.exists()
    return any(not is_ignored(name) for _, _, names in os.walk(path) for name in names)


def _stem(path: Path) -> str:
    name = path.name.lower()
    return name[: -len(".shp.xml")] if name.endswith(".shp.xml") else path.stem.lower()


def _is_part(path: Path) -> bool:
    return path.name.lower().endswith(_SHAPEFILE_PARTS)

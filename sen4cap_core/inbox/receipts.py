"""The answer beside a drop: ``<file>.receipt.json``, or ``rejected/`` with ``<file>.error.txt``.

Nothing a user dropped is deleted or altered. Where the upload folder is read-only, drops stay in place and
the answers go to ``<data>/receipts``, under the same relative names.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sen4cap_core.clock import utc_now
from sen4cap_core.errors import BadUploadError, OtherKindError, Problem
from sen4cap_core.files import write_text_atomic
from sen4cap_core.inbox.layout import (
    ERROR_SUFFIX,
    PRACTICES,
    RECEIPT_SUFFIX,
    REJECTED,
    Misplaced,
    UploadPlace,
    is_ignored,
    place_of,
    plain_name,
    settled_by,
)
from sen4cap_core.inbox.transfer import move
from sen4cap_core.inbox.units import find_unit, whole_of
from sen4cap_core.redaction import redact
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1

_MISPLACED_END = "It was left where it is. This note goes away when it does.\n"
_WHOLE_FOLDERS = (".safe", ".gdb", ".parquet")
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Receipt(BaseModel):
    """What became of a drop that was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    upload_id: int
    file: str
    kind: str
    site: str
    year: int | None = None
    sha256: str
    size_bytes: int
    taken_for: str
    """In words: ``declared parcels``, ``Sentinel-2 surface reflectance (safe)``."""
    stored: dict[str, Any] = Field(default_factory=dict)
    warnings: list[Problem] = Field(default_factory=list)
    """With row and column where they have one; the header is row 1."""
    details: dict[str, Any] = Field(default_factory=dict)
    """Tables by name, each a list of rows: columns that were used, the first rows ..."""
    duplicate_of: str | None = None
    """Path of the first copy, when the same content was dropped under another name."""
    settles: list[str] = Field(default_factory=list)
    """Rejected files whose rejection is settled by this one: paths in the upload folder."""
    received_at: datetime = Field(default_factory=utc_now)


def receipt_path(settings: Settings, path: Path) -> Path:
    """Where the receipt of a drop stands in a writable upload folder."""
    whole = whole_of(path, _root(settings))
    return whole.with_name(whole.name + RECEIPT_SUFFIX)


def has_receipt(settings: Settings, path: Path) -> bool:
    """Whether a drop has its receipt, beside it or in the data folder."""
    return find_receipt(settings, path) is not None


def find_receipt(settings: Settings, path: Path) -> Path | None:
    """Return the receipt of a drop, beside it or in the data folder; None where there is none."""
    if not path.is_relative_to(_root(settings)):
        return None
    target = receipt_path(settings, path)
    return next((one for one in (target, _aside(settings, target)) if one.exists()), None)


def write_receipt(settings: Settings, path: Path, receipt: Receipt) -> Path:
    """Write the receipt of a drop beside it; return where. An older receipt is replaced."""
    text = receipt.model_dump_json(indent=2) + "\n"
    return _write_answer(settings, receipt_path(settings, path), text)


def write_misplaced(settings: Settings, misplaced: Misplaced) -> Path | None:
    """Say beside a misplaced file or folder where it belongs; None when that has been said already.

    It is not moved: nobody knows what it is. ``sweep_misplaced`` takes the text away when the file has gone.
    """
    path = misplaced.path
    target = path.with_name(path.name + ERROR_SUFFIX)
    if target.exists() or _aside(settings, target).exists():
        return None
    return _write_answer(settings, target, f"{misplaced.error.text()}\n\n{_MISPLACED_END}")


@dataclass(frozen=True)
class MisplacedNote:
    """What was said of a misplaced file or folder."""

    note: Path
    subject: Path
    """The file or folder itself, which may have gone."""
    why: str
    """Reason, what is expected and what to do, a line each."""
    at: datetime


def misplaced_notes(settings: Settings) -> list[MisplacedNote]:
    """Return the notes of ours beside misplaced files, the latest first.

    Links are not followed, but for a site's whole folder on another disk, and scenes are not looked into. Of
    3000 scenes that takes 0.15 s; to look for the misplaced files themselves took 6 to 17 s.
    """
    root, notes = _root(settings), []
    for top in (root, _aside(settings, root)):
        for note in _error_files(top):
            try:
                text = note.read_text(encoding="utf-8")
                at = datetime.fromtimestamp(note.stat().st_mtime, UTC)
            except (OSError, UnicodeDecodeError) as error:
                logger.debug("%r is no note of ours: %s", str(note), error)
                continue
            if text.endswith(_MISPLACED_END):
                subject = root / note.relative_to(top).with_name(note.name.removesuffix(ERROR_SUFFIX))
                notes.append(MisplacedNote(note, subject, text.removesuffix(_MISPLACED_END).rstrip(), at))
    return sorted(notes, key=lambda one: (one.at, one.note), reverse=True)


def sweep_misplaced(settings: Settings, misplaced: Collection[Path]) -> list[Path]:
    """Remove notes of ours beside what is not ``misplaced`` (any more); return what was removed."""
    removed = []
    for one in misplaced_notes(settings):
        if one.subject in misplaced:
            continue
        try:
            one.note.unlink()
            removed.append(one.note)
        except OSError as error:
            logger.debug("note %r stays: %s", str(one.note), error)
    return removed


def _error_files(top: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(top, followlinks=True):
        here = Path(folder)
        inner[:] = [
            name
            for name in inner
            if not is_ignored(name)
            and not name.lower().endswith(_WHOLE_FOLDERS)
            and (here == top or not (here / name).is_symlink())
        ]
        yield from (here / name for name in names if name.endswith(ERROR_SUFFIX))


def error_note(settings: Settings, path: Path) -> Path | None:
    """Return the text that says why a rejected or misplaced file could not be used; None where it is gone.

    ``path`` is where the file lies now, which may be inside the folder that was dropped.
    """
    root = _root(settings)
    for part in (path, *path.parents):
        if part == root or not part.is_relative_to(root):
            break
        for note in (error_path(part), _aside(settings, error_path(part))):
            # Not exists(): that raises for a name that is too long.
            if os.path.exists(note):
                return note
    return None


def reject(
    settings: Settings, path: Path, error: BadUploadError, *, sha256: str | None = None, note: str = ""
) -> Path:
    """Move a drop to ``rejected/`` and say beside it why; return its new path.

    Parameters
    ----------
    path : Path
        Path of the upload. A shapefile moves with its parts, an item with its assets or its folder.
    sha256 : str
        Content that was looked at. When given and the file has changed since (the user saved a corrected
        version meanwhile), the file stays, and only the text is written.
    note : str
        A line below the reason of a file that is moved.

    Returns
    -------
    Path
        The new path; the old one when the file stays in place (read-only folder, or changed meanwhile).

    Notes
    -----
    May be repeated after a crash: a drop that was moved already is found again by its name and text.
    """
    root = _root(settings)
    place = place_of(path, root)
    folder = (place.folder if isinstance(place, UploadPlace) else path.parent) / REJECTED
    unit = find_unit(path, root)
    whole = whole_of(path, root)
    if unit is None:
        return _find_moved(folder, whole, path) or path
    text = _rejection_text(folder, whole, error)
    if isinstance(place, UploadPlace):
        settles = settled_by(place.kind, is_other_kind=isinstance(error, OtherKindError))
        text += f"The rejection stays open until {settles}.\n"
    if sha256 is not None and unit.content_hash() != sha256:
        logger.info("%s changed while it was looked at: it stays, and is looked at again", path)
        return path
    inside = path.relative_to(whole) if whole != path else None
    parts = [whole] if inside is not None else _own_parts(unit.parts, path, root)
    try:
        folder.mkdir(exist_ok=True)
        target = _free_name(folder, whole, parts)
        write_text_atomic(error_path(target), redact(f"{text}{note}\n" if note else text))
        move_all(parts, path if inside is None else whole, target)
    except OSError as problem:
        if problem.errno not in _READ_ONLY:
            raise
        logger.warning("%s cannot be moved to rejected/ (%s): it stays in place", path, problem.strerror)
        _write_answer(settings, error_path(whole), text, aside=True)
        return path
    return target if inside is None else target / inside


def move_all(parts: list[Path], main: Path, target: Path) -> None:
    """Move the files of one drop to ``target``'s folder; ``main`` last, since its absence means "moved"."""
    for part in parts:
        if part == main:
            continue
        if part.parent == main.parent:
            destination = target.parent / _renamed(part.name, main, target)
        else:
            destination = target.parent / part.relative_to(main.parent)
        destination.parent.mkdir(parents=True, exist_ok=True)
        move(part, destination)
    move(main, target)


def _renamed(name: str, main: Path, target: Path) -> str:
    """Name of a shapefile's part beside a main file that got a number (``parcels-2.dbf``)."""
    return target.stem + name[len(main.stem) :] if name.startswith(main.stem) else name


def _own_parts(parts: tuple[Path, ...], main: Path, root: Path) -> list[Path]:
    """Return the parts no other item of the same folder needs."""
    others: set[Path] = set()
    if len(parts) > 1 and main.suffix.lower() in (".json", ".geojson"):
        for sibling in main.parent.iterdir():
            unit = find_unit(sibling, root) if sibling != main and sibling.suffix == main.suffix else None
            others.update(unit.parts if unit else ())
    return [part for part in parts if part == main or part not in others]


def _free_name(folder: Path, whole: Path, parts: list[Path]) -> Path:
    number = 1
    while True:
        numbered = whole.name if number == 1 else _numbered(whole, number)
        target = folder / numbered
        taken = [target, *(folder / _renamed(part.name, whole, target) for part in parts)]
        if not any(os.path.lexists(path) for path in taken):
            # A text without its file is what a crash between the two left: it is written anew.
            return target
        number += 1


def _numbered(path: Path, number: int) -> str:
    if path.is_dir():
        stem, suffix = path.name, ""
        if path.suffix.lower() in (".safe", ".gdb"):
            stem, suffix = path.stem, path.suffix
    else:
        # Of S2A.SAFE.zip both suffixes stay together.
        suffix = "".join(path.suffixes[-2:]) if path.name.lower().endswith(".safe.zip") else path.suffix
        stem = path.name.removesuffix(suffix)
    return f"{stem}-{number}{suffix}"


def _find_moved(folder: Path, whole: Path, path: Path) -> Path | None:
    """Find a drop that an earlier, interrupted call moved already, by the text it left."""
    for note in sorted(folder.glob(f"*{ERROR_SUFFIX}"), key=lambda p: p.stat().st_mtime_ns, reverse=True):
        moved = note.with_name(note.name.removesuffix(ERROR_SUFFIX))
        name = _dropped_name(folder, whole)
        if moved.exists() and f"Dropped as {name}, " in note.read_text(encoding="utf-8", errors="replace"):
            return moved if whole == path else moved / path.relative_to(whole)
    return None


def _dropped_name(folder: Path, whole: Path) -> str:
    """Name a drop by the folder of its kind: ``declarations/parcels.zip``, ``practices/CC/podor.csv``."""
    kind = folder.parent
    above = kind.parent if plain_name(kind.parent.name) == PRACTICES else kind
    return whole.relative_to(above.parent).as_posix()


def _rejection_text(folder: Path, whole: Path, error: BadUploadError) -> str:
    name = _dropped_name(folder, whole)
    return f"{error.text()}\n\nDropped as {name}, rejected {utc_now():%Y-%m-%d %H:%M} UTC.\n"


def _root(settings: Settings) -> Path:
    return settings.uploads_root.absolute()


def error_path(path: Path) -> Path:
    """Where the text stands that says why a file could not be used."""
    return path.with_name(path.name + ERROR_SUFFIX)


def _aside(settings: Settings, target: Path) -> Path:
    return settings.data / "receipts" / target.relative_to(_root(settings))


def _write_answer(settings: Settings, target: Path, text: str, *, aside: bool = False) -> Path:
    text = redact(text)
    if not aside:
        try:
            write_text_atomic(target, text)
            return target
        except OSError as problem:
            if problem.errno not in _READ_ONLY:
                raise
            logger.warning("%s is read-only: the answer goes to the data folder", target.parent)
    target = _aside(settings, target)
    write_text_atomic(target, text)
    return target

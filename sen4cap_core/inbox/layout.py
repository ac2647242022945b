"""Which place in the upload folder means what.

<root>/<site>/site.zip, site.gpkg ...   <root>/<site>/site.yaml
<root>/<site>/<year>/declarations/...   crop-codes/  l4b-config/  l4c-config/  practices/NA/  strata/  scenes/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sen4cap_core.errors import BadUploadError, nearest_word

RECEIPT_SUFFIX = ".receipt.json"
ERROR_SUFFIX = ".error.txt"
REJECTED = "rejected"

_SITE = re.compile(r"[A-Za-z0-9_-]+")
_YEAR = re.compile(r"[0-9]{4}")
_OURS = (RECEIPT_SUFFIX, ERROR_SUFFIX)
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", "~")
_DEBRIS = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "lost+found", REJECTED})


class Kind(StrEnum):
    """What a dropped file is taken for; its place alone decides."""

    SITE_EXTENT = "site-extent"
    SITE_CONFIG = "site-config"
    DECLARATIONS = "declarations"
    DECLARATIONS_CONFIG = "declarations-config"
    CROP_CODES = "crop-codes"
    L4B_CONFIG = "l4b-config"
    L4C_CONFIG = "l4c-config"
    PRACTICES_NA = "practices-na"
    PRACTICES_CC = "practices-cc"
    PRACTICES_FL = "practices-fl"
    PRACTICES_NFC = "practices-nfc"
    STRATA = "strata"
    SCENE = "scene"
    RADAR = "radar"


KIND_FOLDERS = {
    "declarations": Kind.DECLARATIONS,
    "crop-codes": Kind.CROP_CODES,
    "l4b-config": Kind.L4B_CONFIG,
    "l4c-config": Kind.L4C_CONFIG,
    "practices/na": Kind.PRACTICES_NA,
    "practices/cc": Kind.PRACTICES_CC,
    "practices/fl": Kind.PRACTICES_FL,
    "practices/nfc": Kind.PRACTICES_NFC,
    "strata": Kind.STRATA,
    "scenes": Kind.SCENE,
    "radar": Kind.RADAR,
}
PRACTICES = "practices"

PRIORITY = {
    Kind.SITE_EXTENT: 130,
    Kind.SITE_CONFIG: 125,
    Kind.DECLARATIONS_CONFIG: 120,
    Kind.CROP_CODES: 115,
    Kind.DECLARATIONS: 105,
    Kind.SCENE: 100,
}
"""Order in which a folder dropped at once is received, so that each file finds what it refers to."""
DEFAULT_PRIORITY = 110


@dataclass(frozen=True)
class UploadPlace:
    """Where a file lies, and so what it is."""

    site_slug: str
    year: int
    """0 for files of the site itself."""
    kind: Kind
    folder: Path
    """The folder of its kind; ``rejected/`` is in it."""

    @property
    def priority(self) -> int:
        """Higher is received first."""
        return PRIORITY.get(self.kind, DEFAULT_PRIORITY)

    @property
    def latest_counts(self) -> bool:
        """Whether the last one dropped replaces the ones before it."""
        return self.kind not in (Kind.SCENE, Kind.RADAR)


@dataclass(frozen=True)
class Misplaced:
    """A file or folder that lies where nothing is expected; it stays there, with this text beside it."""

    path: Path
    error: BadUploadError
    may_become_whole: bool = False
    """True for a part whose main file may still be on its way."""


def settled_by(kind: str, *, is_other_kind: bool = False) -> str:
    """Say what settles the rejection of a file of a kind, as the end of a sentence.

    ``is_other_kind``: what it holds is of another kind, so that nothing but a file in its own place does.
    """
    match kind:
        case _ if is_other_kind:
            corrected = "a file of the right kind and of the same place and name"
        case Kind.SCENE | Kind.RADAR:
            corrected = "a corrected file of the same place and name"
        case Kind.SITE_EXTENT | Kind.SITE_CONFIG:
            corrected = "a corrected file of its kind"
        case Kind.DECLARATIONS:
            corrected = "a corrected file in the same folder (of the same name with mode: incremental)"
        case _:
            corrected = "a corrected file in the same folder"
    return f"{corrected} is received, or the rejected file is deleted or moved elsewhere"


def is_ignored(name: str) -> bool:
    """Whether a file or folder name is no upload: hidden, ours, unfinished, or debris of a system."""
    lower = name.lower()
    return (
        lower.startswith((".", "~$"))
        or lower in _DEBRIS
        or lower.endswith(_OURS)
        or lower.endswith(_UNFINISHED)
    )


def is_site_name(name: str) -> bool:
    """Whether a folder name can be a site: letters without accents, digits, ``_`` and ``-``."""
    return _SITE.fullmatch(name) is not None


def is_year_name(name: str) -> bool:
    """Whether a folder name is a year of four digits."""
    return _YEAR.fullmatch(name) is not None


def plain_name(name: str) -> str:
    """Folder name as the table of kinds has it: ``Crop_Codes`` is ``crop-codes``."""
    return name.lower().replace("_", "-").replace(" ", "-")


def place_of(path: Path, root: Path) -> UploadPlace | Misplaced | None:
    """Return what a file or folder in the upload folder is, judged by its path alone.

    None: it is not to be looked at (ignored names, or a folder of the layout itself). Whether a file inside a
    ``.SAFE`` folder or a shapefile is an upload of its own is not decided here but in ``inbox.units``.
    """
    parts = path.relative_to(root).parts
    if not parts or any(is_ignored(part) for part in parts):
        return None
    site, *rest = parts
    if not is_site_name(site):
        return _misplaced_at_root(path, root, site, is_folder=bool(rest))
    if not rest:
        return None if path.is_dir() else _misplaced_at_root(path, root, site, is_folder=False)
    if not is_year_name(rest[0]):
        return _site_file(path, root, site, rest)
    year, rest = int(rest[0]), rest[1:]
    if not rest:
        return None if path.is_dir() else _misplaced_in_year(path, root, (), path)
    n_kind = 2 if plain_name(rest[0]) == PRACTICES else 1
    kind = KIND_FOLDERS.get("/".join(plain_name(part) for part in rest[:n_kind]))
    folder = root / parts[0] / parts[1] / Path(*rest[:n_kind])
    if kind is None or (len(rest) == n_kind and not folder.is_dir()):
        if len(rest) < n_kind and path.is_dir():
            return None
        return _misplaced_in_year(path, root, tuple(rest), folder)
    if len(rest) == n_kind:
        return None
    if kind is Kind.DECLARATIONS and path.name.lower() in ("declarations.yaml", "declarations.yml"):
        kind = Kind.DECLARATIONS_CONFIG
    return UploadPlace(site, year, kind, folder)


def _site_file(path: Path, root: Path, site: str, rest: list[str]) -> UploadPlace | Misplaced:
    folder = root / site
    name = rest[0].lower()
    if len(rest) == 1 and name in ("site.yaml", "site.yml"):
        return UploadPlace(site, 0, Kind.SITE_CONFIG, folder)
    if len(rest) == 1 and name.startswith("site.") and not path.is_dir():
        return UploadPlace(site, 0, Kind.SITE_EXTENT, folder)
    top = folder / rest[0]
    if len(rest) > 1 or path.is_dir():
        what = f"the folder {rest[0]!r} of site {site!r} is not a year."
        remedy = f"put it into a year folder, such as {site}/2019/{rest[0]}, or rename it to the year."
        if plain_name(rest[0]) not in {name.split("/")[0] for name in KIND_FOLDERS}:
            remedy = f"put the files into one of {_kind_list(f'{site}/<year>')}."
        return Misplaced(
            top, BadUploadError(top, what, expected="a year folder of four digits", remedy=remedy)
        )
    return Misplaced(
        path,
        BadUploadError(
            path,
            f"nothing of this name is expected in the folder of site {site!r}.",
            expected="site.zip or site.gpkg (the extent) and site.yaml (the configuration)",
            remedy=f"rename it, or put it into one of {_kind_list(f'{site}/<year>')}.",
        ),
    )


def _misplaced_at_root(path: Path, root: Path, name: str, *, is_folder: bool) -> Misplaced:
    top = root / name
    if is_folder or path.is_dir():
        return Misplaced(
            top,
            BadUploadError(
                top,
                f"{name!r} cannot be the name of a site.",
                expected="a folder name of letters without accents, digits, _ and -",
                remedy="rename the folder; a satellite scene belongs into <site>/<year>/scenes.",
            ),
        )
    return Misplaced(
        top,
        BadUploadError(
            top,
            "this file lies outside of any site folder.",
            expected="<site>/site.zip, <site>/site.yaml or a file in <site>/<year>/<kind>",
            remedy="make a folder with the site's short name and put the file into it, "
            "as docs/upload-folder.md shows.",
        ),
    )


def _misplaced_in_year(path: Path, root: Path, rest: tuple[str, ...], folder: Path) -> Misplaced:
    top = folder if rest else path
    season = "/".join(top.relative_to(root).parts[:2])
    kind = "/".join(top.relative_to(root).parts[2:])
    near = nearest_word(kind, _kind_names())
    guess = f", did you mean {near!r}?" if near else "."
    what = (
        f"there is no kind of upload called {kind!r}{guess}"
        if len(rest) > 1 or top.is_dir()
        else "this file lies in none of the year's folders."
    )
    return Misplaced(
        top,
        BadUploadError(
            top,
            what,
            expected=f"one of {_kind_list(season)}",
            remedy="move it into the folder that says what it is.",
        ),
    )


def _kind_list(prefix: str) -> str:
    return ", ".join(f"{prefix}/{name}" for name in _kind_names())


def _kind_names() -> list[str]:
    """Folders of a year as docs/upload-folder.md writes them."""
    names = [name.upper() if "/" in name else name for name in KIND_FOLDERS]
    return [name.replace("PRACTICES", PRACTICES) for name in names]

"""A crop code table to begin with: the codes that are declared, with what their names give away."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sen4cap_core.declarations.parcels.columns import ColumnMapping
from sen4cap_core.declarations.parcels.reading import Declarations, read_declarations, role_texts
from sen4cap_core.declarations.tables.crop_codes import COLUMNS
from sen4cap_core.declarations.texts.texts import as_texts, is_text
from sen4cap_core.errors import BadUploadError

CHECK = "Check"
"""Name of the further column that says what was guessed."""

_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "grassland": {
        "": ("grass", "meadow", "pasture", "grazing"),
        "NLD": ("grasland", "weide"), "AUT": ("wiese", "weide", "mahd"),
        "DEU": ("grünland", "wiese", "weide"),
        "BEL": ("grasland", "grassen", "prairie"), "FRA": ("prairie", "pâturage"),
        "ESP": ("pasto", "prado", "pastizal", "pastura", "prat"), "ITA": ("prato", "pascolo"),
        "FIN": ("nurmi", "laidun"), "LTU": ("pieva", "pievos", "ganykl"),
        "SVN": ("travnik", "travinj", "pašnik"),
        "CZE": ("travní", "pastvin", "louk"), "ROU": ("pajiş", "pășun", "fâneț"),
    },
    "fallow": {
        "": ("fallow",), "NLD": ("braak",),
        "AUT": ("brache",), "DEU": ("brache",), "BEL": ("braak", "jachère"), "FRA": ("jachère",),
        "ESP": ("barbecho", "guaret"), "ITA": ("riposo",), "FIN": ("kesanto",),
        "LTU": ("pūdym",), "SVN": ("praha",), "CZE": ("úhor",), "ROU": ("pârloag",),
    },
    "permanent crops": {
        "": ("orchard", "vineyard", "olive"), "NLD": ("boomgaard", "wijngaard", "appel", "peren"),
        "AUT": ("obst", "wein"), "DEU": ("obst", "wein"), "BEL": ("boomgaard", "verger", "wijngaard"),
        "FRA": ("verger", "vigne"), "ESP": ("viñedo", "olivar", "frutal", "vinya", "oliver"),
        "ITA": ("vigneto", "frutteto", "oliveto"), "FIN": ("omena", "marja"), "LTU": ("sodas", "sodai"),
        "SVN": ("sadovnjak", "vinograd"), "CZE": ("sad", "vinice"), "ROU": ("livad", "vie"),
    },
    "other natural": {"": ("forest", "woodland"), "NLD": ("bos",), "AUT": ("wald",), "DEU": ("wald",)},
}  # fmt: skip
_TEMPORARY = {
    "": ("temporary", " ley"), "NLD": ("tijdelijk",),
    "AUT": ("temporär", "wechselwiese", "feldgras", "kleegras"),
    "DEU": ("temporär", "ackergras", "feldgras", "kleegras"), "BEL": ("tijdelijk", "temporaire"),
    "FRA": ("temporaire", "6 ans ou moins"), "ESP": ("temporal",), "ITA": ("avvicendat", "temporane"),
    "FIN": ("tilapäi", "alle 5"), "LTU": ("iki 5 m",), "SVN": ("začasn", "njiv"), "CZE": ("dočasn", "orné"),
    "ROU": ("tempor",),
}  # fmt: skip
"""Words for grassland in a rotation of crops, which is arable land."""
_LAND_COVERS = {"other natural": 0, "annual crops": 1, "permanent crops": 2, "grassland": 3, "fallow": 4}
GRASSLAND, FALLOW = _LAND_COVERS["grassland"], _LAND_COVERS["fallow"]


@dataclass(frozen=True)
class Draft:
    """A draft table and how many codes it has."""

    text: str
    n_codes: int
    n_guessed: int
    """Codes whose land cover was seen in their name."""


def draft_crop_codes(path: Path, mapping: ColumnMapping | None = None, country: str | None = None) -> Draft:
    """Make a crop code table of the codes in a file of declarations, for the analyst to edit.

    CTnum is the code itself where all codes are whole numbers, else 1, 2, 3 ...; CT is the crop's name where
    a column has one name for each code; land cover and flags follow from words in the name (English and the
    country's own), and are those of annual crops where nothing is known. The column ``Check`` says which.

    Raises
    ------
    BadUploadError
        When the declarations cannot be read or have no crop code.
    """
    declarations = read_declarations(path, mapping)
    table = declarations.attributes
    codes = role_texts(table, declarations.columns.crop_code.columns)
    counts = Counter(code for code in codes.tolist() if code is not None)
    if not counts:
        raise BadUploadError(path, "no parcel has a crop code.")
    names = _names(table, codes.tolist(), declarations)
    ordered = sorted(counts, key=lambda code: (len(code), code))
    numbers = [int(code) for code in ordered] if all(c.isdecimal() for c in ordered) else []
    if len(set(numbers)) != len(ordered) or max(numbers, default=0) >= 2**31:
        numbers = list(range(1, len(ordered) + 1))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, CHECK])
    n_guessed = 0
    for code, number in zip(ordered, numbers, strict=True):
        name = names.get(code, code)
        cover, word = _land_cover(name, country)
        n_guessed += bool(word)
        lc = _LAND_COVERS[cover]
        temporary = _first_word(name, _TEMPORARY, country) if lc == GRASSLAND else ""
        arable, permanent = lc in (1, 4) or bool(temporary), lc == GRASSLAND and not temporary
        remark = f"{cover}: {word!r} in the name" if word else "land cover not known: annual crop assumed"
        if temporary:
            remark += f", temporary: {temporary!r}"
        elif permanent:
            remark += ", taken as permanent (if temporary: AL 1, PGrass 0, TGrass 1)"
        flags = [int(lc != 0), int(arable), int(permanent), int(bool(temporary)), int(lc == FALLOW), 0]
        parcels = f"{counts[code]} parcels"
        writer.writerow([code, number, name, lc, number, name, number, name, *flags, f"{remark}; {parcels}"])
    return Draft(out.getvalue(), len(ordered), n_guessed)


def _land_cover(name: str, country: str | None) -> tuple[str, str]:
    for cover, languages in _WORDS.items():
        if word := _first_word(name, languages, country):
            return cover, word
    return "annual crops", ""


def _first_word(name: str, languages: dict[str, tuple[str, ...]], country: str | None) -> str:
    """Return the first English word, or one of the country, that is in a name; empty where none is."""
    words = (*languages[""], *languages.get(country or "", ()))
    return next((word for word in words if word in name.lower()), "")


def _names(table: pa.Table, codes: list[str | None], declarations: Declarations) -> dict[str, str]:
    """Names of codes: of the text columns with one value for each code that with the longest values."""
    best: dict[str, str] = {}
    choices = declarations.columns
    taken = {*choices.crop_code.columns, *choices.parcel_id.columns, *choices.holding_id.columns}
    for column in table.column_names:
        if column in taken or not is_text(table.column(column).type):
            continue
        found: dict[str, str] = {}
        values = as_texts(table.column(column)).tolist()
        pairs = {(c, v) for c, v in zip(codes, values, strict=True) if c is not None and v is not None}
        found = {code: str(value) for code, value in pairs}
        if len(found) != len(pairs) or len(found) < len({c for c in codes if c}) * 0.9:
            continue
        if len(set(found.values())) >= 0.9 * len(found) and _length(found) > max(_length(best), 3.0):
            best = found
    return best


def _length(names: dict[str, str]) -> float:
    return sum(map(len, names.values())) / len(names) if names else 0.0

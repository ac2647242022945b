"""Which place means what, and what is told to somebody who missed it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.inbox.layout import Kind, Misplaced, UploadPlace, is_ignored, place_of


def _file(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


@pytest.mark.parametrize(
    ("name", "kind", "year"),
    [
        ("nl/site.zip", Kind.SITE_EXTENT, 0),
        ("nl/site.gpkg", Kind.SITE_EXTENT, 0),
        ("nl/site.yaml", Kind.SITE_CONFIG, 0),
        ("nl/Site.YML", Kind.SITE_CONFIG, 0),
        ("nl/2019/declarations/parcels.zip", Kind.DECLARATIONS, 2019),
        ("nl/2019/declarations/north/parcels äö 1.gpkg", Kind.DECLARATIONS, 2019),
        ("nl/2019/declarations/declarations.yaml", Kind.DECLARATIONS_CONFIG, 2019),
        ("nl/2019/crop-codes/lut.csv", Kind.CROP_CODES, 2019),
        ("nl/2019/strata/regions.gpkg", Kind.STRATA, 2019),
        ("nl/2019/Crop_Codes/lut.csv", Kind.CROP_CODES, 2019),
        ("nl/2019/l4b-config/a.cfg", Kind.L4B_CONFIG, 2019),
        ("nl/2019/l4c-config/a.cfg", Kind.L4C_CONFIG, 2019),
        ("nl/2019/practices/NA/a.csv", Kind.PRACTICES_NA, 2019),
        ("nl/2019/practices/nfc/a.csv", Kind.PRACTICES_NFC, 2019),
        ("NL_de-1/1999/scenes/S2A.SAFE.zip", Kind.SCENE, 1999),
    ],
)
def test_the_place_alone_says_what_it_is(tmp_path: Path, name: str, kind: Kind, year: int) -> None:
    place = place_of(_file(tmp_path, name), tmp_path)

    assert isinstance(place, UploadPlace)
    assert (place.site_slug, place.year, place.kind) == (name.split("/")[0], year, kind)
    n_folder = {0: 1, 2019: 4 if "practices" in name else 3, 1999: 3}[year]
    assert place.folder == tmp_path.joinpath(*name.split("/")[:n_folder])


@pytest.mark.parametrize(
    "name",
    [
        "nl/2019/scenes/a.zip.receipt.json",
        "nl/2019/scenes/a.zip.error.txt",
        "nl/2019/scenes/rejected/a.zip",
        "nl/rejected/site.zip",
        "nl/2019/scenes/.hidden.zip",
        "nl/2019/scenes/.a.123.part.zip",
        "nl/2019/scenes/a.zip.part",
        "nl/2019/scenes/a.zip.crdownload",
        "nl/2019/scenes/a.tmp",
        "nl/2019/declarations/Thumbs.db",
        "nl/2019/declarations/.DS_Store",
        "nl/2019/crop-codes/~$lut.xlsx",
        "nl/2019/crop-codes/lut.csv~",
        "__MACOSX/x",
    ],
)
def test_what_is_no_upload_is_not_looked_at(tmp_path: Path, name: str) -> None:
    assert place_of(_file(tmp_path, name), tmp_path) is None


@pytest.mark.parametrize(
    ("name", "blamed", "word"),
    [
        ("parcels.zip", "parcels.zip", "outside of any site folder"),
        ("My Site/site.zip", "My Site", "cannot be the name of a site"),
        ("S2A_X.SAFE/manifest.safe", "S2A_X.SAFE", "cannot be the name of a site"),
        ("nl/extent.zip", "nl/extent.zip", "nothing of this name"),
        ("nl/scenes/a.zip", "nl/scenes", "nl/2019/scenes"),
        ("nl/19/scenes/a.zip", "nl/19", "is not a year"),
        ("nl/2019/a.zip", "nl/2019/a.zip", "none of the year's folders"),
        ("nl/2019/pictures/a.zip", "nl/2019/pictures", "no kind of upload called 'pictures'."),
        ("nl/2019/declaraciones/a.zip", "nl/2019/declaraciones", "did you mean 'declarations'?"),
        ("nl/2019/practices/XX/a.csv", "nl/2019/practices/XX", "practices/NA"),
        ("nl/2019/practices/a.csv", "nl/2019/practices/a.csv", "practices/CC"),
        ("nl/2019/scenes", "nl/2019/scenes", "none of the year's folders"),
    ],
)
def test_a_misplaced_file_is_told_where_it_belongs(tmp_path: Path, name: str, blamed: str, word: str) -> None:
    place = place_of(_file(tmp_path, name), tmp_path)

    assert isinstance(place, Misplaced)
    assert place.path == tmp_path / blamed
    text = place.error.text()
    assert word in text
    assert "Expected: " in text
    assert "What to do: " in text


def test_folders_of_the_layout_are_no_uploads(tmp_path: Path) -> None:
    for name in ("nl", "nl/2019", "nl/2019/scenes", "nl/2019/practices", "nl/2019/practices/NA"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        assert place_of(tmp_path / name, tmp_path) is None


def test_sites_are_received_before_what_refers_to_them(tmp_path: Path) -> None:
    names = [
        "nl/2019/scenes/a.zip",
        "nl/2019/declarations/p.zip",
        "nl/2019/crop-codes/l.csv",
        "nl/2019/declarations/declarations.yaml",
        "nl/site.yaml",
        "nl/site.zip",
    ]
    places = [place_of(_file(tmp_path, name), tmp_path) for name in names]
    priorities = [place.priority for place in places if isinstance(place, UploadPlace)]
    assert priorities == sorted(set(priorities))
    assert len(priorities) == len(names)


_PART = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=12
)


@given(parts=st.lists(_PART.filter(lambda part: part not in (".", "..")), min_size=1, max_size=6))
def test_every_path_has_an_answer(parts: list[str]) -> None:
    root = Path("/nowhere/uploads")
    path = root.joinpath(*parts)

    place = place_of(path, root)

    if any(is_ignored(part) for part in parts):
        assert place is None
    elif isinstance(place, Misplaced):
        assert path.is_relative_to(place.path)
        assert place.path != root
    elif isinstance(place, UploadPlace):
        assert path.is_relative_to(place.folder)

"""Nobody reaches through the upload folder what is not in his site's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from sen4cap_core.inbox.layout import Misplaced, UploadPlace, is_site_name, place_of
from sen4cap_core.inbox.units import Unit, find_unit, find_units
from sen4cap_core.products import naming


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sites; outside of them a password file and an archive of scenes."""
    made = tmp_path / "uploads"
    for name in ("nl/2019/scenes", "nl/2019/declarations", "be/2019/declarations"):
        (made / name).mkdir(parents=True)
    (made / "be/2019/declarations/theirs.zip").write_text("parcels of others")
    (tmp_path / "secret.yaml").write_text("password: x")
    archive = tmp_path / "archive" / "S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T143132.SAFE"
    archive.mkdir(parents=True)
    (archive / "MTD_MSIL2A.xml").write_text("<x/>")
    return made


def looked_at(root: Path) -> dict[str, bool]:
    """Path -> whether it is taken."""
    return {one.path.relative_to(root).as_posix(): isinstance(one, Unit) for one in find_units(root)}


OTHERS = {"be/2019/declarations/theirs.zip": True}


def test_a_link_to_the_machine_is_not_read(root: Path) -> None:
    (root / "nl/site.yaml").symlink_to(root.parent / "secret.yaml")
    (root / "nl/2019/declarations/all").symlink_to("/")
    (root / "nl/2019/declarations/a.zip").symlink_to("../../../../secret.yaml")

    assert looked_at(root) == OTHERS | {
        "nl/site.yaml": False,
        "nl/2019/declarations/all": False,
        "nl/2019/declarations/a.zip": False,
    }
    (fault,) = (one for one in find_units(root) if one.path.name == "site.yaml")
    assert isinstance(fault, Misplaced)
    assert "leads out" in fault.error.text()
    assert "password" not in fault.error.text()


def test_a_link_to_another_site_is_not_read(root: Path) -> None:
    (root / "nl/2019/declarations/mine.zip").symlink_to(root / "be/2019/declarations/theirs.zip")
    (root / "nl/2019/scenes/all").symlink_to(root / "be")
    (root / "nl/2018").symlink_to(root / "be/2019")
    (root / "fr").symlink_to(root / "be")
    (root / "up").symlink_to(root.parent)

    assert [path for path, is_taken in looked_at(root).items() if is_taken] == list(OTHERS)


def test_fair_links_are_read(root: Path) -> None:
    scene = next((root.parent / "archive").iterdir())
    (root / "nl/2019/scenes" / scene.name).symlink_to(scene)
    (root / "nl/2019/declarations/v1.zip").write_text("x")
    (root / "nl/2019/declarations/current.zip").symlink_to("v1.zip")
    other = root.parent / "disk2"
    (other / "2019/declarations").mkdir(parents=True)
    (other / "2019/declarations/b.zip").write_text("x")
    (root / "fr").symlink_to(other)

    assert looked_at(root) == OTHERS | {
        f"nl/2019/scenes/{scene.name}": True,
        "nl/2019/declarations/v1.zip": True,
        "nl/2019/declarations/current.zip": True,
        "fr/2019/declarations/b.zip": True,
    }


def test_links_that_go_in_circles_end(root: Path) -> None:
    (root / "nl/2019/scenes/again").symlink_to(root / "nl/2019/scenes")
    (root / "nl/2019/declarations/self.zip").symlink_to("self.zip")

    assert not looked_at(root).get("nl/2019/scenes/again", False)
    (pointing_at_itself,) = (one for one in find_units(root) if one.path.name == "self.zip")
    assert isinstance(pointing_at_itself, Unit)
    with pytest.raises(OSError, match="symbolic links"):
        pointing_at_itself.fingerprint()


def test_a_file_that_became_a_link_is_not_received(root: Path) -> None:
    path = root / "nl/2019/declarations/a.zip"
    path.write_text("x")
    assert find_unit(path, root) is not None
    path.unlink()
    path.symlink_to(root.parent / "secret.yaml")
    assert find_unit(path, root) is None


NAMES = (
    "..",
    ".",
    "a/b",
    "a\\b",
    "naïve",
    "\u202egnp",  # turns the direction of writing
    "ｎｌ",  # full-width letters look like nl
    "n\u200bl",  # with a space of no width
    "nl\n",
    "nl\0",
    "",
    "~",
    "nl ",
    "/etc",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_can_be_a_site_that_is_a_path_or_looks_like_another(name: str) -> None:
    assert not is_site_name(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("naïve", "ｎｌ", "~", "nl ")])
def test_no_product_path_climbs_out(name: str) -> None:
    with pytest.raises(ValueError, match="part of a path"):
        naming.year_folder(name, 2019)


@pytest.mark.parametrize("name", ["../be", "nl/../be", "./be"])
def test_dots_in_the_middle_of_a_path_are_no_place(root: Path, name: str) -> None:
    place = place_of(root / name / "2019/declarations/theirs.zip", root)
    assert not isinstance(place, UploadPlace) or place.site_slug == "be"

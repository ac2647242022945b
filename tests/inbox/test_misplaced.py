"""What lies where nobody looks for it: found in the folder, told until it is right, never moved."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sen4cap_core.errors import BadUploadError
from sen4cap_core.files import write_text_atomic
from sen4cap_core.inbox.misplaced import (
    INCOMPLETE_SECONDS,
    PATIENCE_SECONDS,
    MisplacedThings,
    find_misplaced,
    had_its_time,
)
from sen4cap_core.inbox.receipts import misplaced_notes, reject, write_misplaced
from sen4cap_core.inbox.units import find_unit
from sen4cap_core.settings import Settings


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    return path


def _found(settings: Settings, site: str = "nl") -> list[str]:
    top = settings.uploads_root / site
    return sorted(one.path.relative_to(top).as_posix() for one in find_misplaced(settings, site))


def test_a_site_tells_what_is_misplaced_in_it(settings: Settings, root: Path) -> None:
    _file(root / "nl/parcels.zip")
    _file(root / "nl/2019/harvest/a.csv")
    _file(root / "nl/2019/scenes/minutes.pdf")
    _file(root / "nl/2019/practices/CC/parts/b.dbf")
    _file(root / "nl/2019/crop-codes/codes.csv")
    _file(root / "nl/2019/declarations/rejected/parcels.zip")
    _file(root / "be/parcels.zip")
    _file(root / "n.l/2019/crop-codes/codes.csv")

    wrong = ["2019/harvest", "2019/practices/CC/parts/b.dbf", "2019/scenes/minutes.pdf", "parcels.zip"]
    assert _found(settings) == wrong
    assert _found(settings, "n.l") == ["."]

    _file(root / "nl/2019/practices/CC/parts/b.shp")
    (root / "nl/parcels.zip").rename(root / "nl/2019/crop-codes/parcels.zip")
    assert _found(settings) == ["2019/harvest", "2019/scenes/minutes.pdf"]


def test_parts_that_may_be_on_their_way_have_more_time(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(root / "nl/parcels.zip")
    _file(root / "nl/2019/crop-codes/b.dbf")
    part, whole = sorted(find_misplaced(settings, "nl"), key=lambda one: one.path)
    made = path.stat().st_ctime
    for passed, expected in (
        (PATIENCE_SECONDS - 2, (False, False)),
        (PATIENCE_SECONDS + 2, (True, False)),
        (INCOMPLETE_SECONDS + 2, (True, True)),
    ):
        monkeypatch.setattr("time.time", lambda now=made + passed: now)
        assert (had_its_time(whole), had_its_time(part)) == expected
    os.remove(path)
    assert had_its_time(whole)


def test_what_was_said_is_read_back_with_its_reason_wherever_it_lies(settings: Settings, root: Path) -> None:
    deep = _file(root / "nl/2019/practices/CC/parts/more/b.dbf")
    rejected = _file(root / "nl/2019/crop-codes/x.csv")
    reject(settings, rejected, BadUploadError(rejected, "no column Code"))
    elsewhere = root.parent / "big-disk"
    _file(elsewhere / "parcels.zip")
    (root / "be").symlink_to(elsewhere)
    (root / "nl/2019/loop").symlink_to(root)
    for site in ("nl", "be"):
        for one in find_misplaced(settings, site):
            if not one.path.is_symlink():
                write_misplaced(settings, one)

    notes = {one.subject: one for one in misplaced_notes(settings)}

    assert set(notes) == {deep, root / "be/parcels.zip"}
    why = notes[deep].why.splitlines()
    assert why[0] == "b.dbf: this is a part of a shapefile, and its .shp is not here."
    assert why[-1] == "What to do: copy the missing files beside it, or drop the zip."


def test_notes_of_a_folder_nobody_may_write_into_are_read_back_too(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(root / "nl/parcels.zip")
    (one,) = find_misplaced(settings, "nl")
    aside = settings.data / "receipts/nl/parcels.zip.error.txt"

    def write(target: Path, text: str) -> None:
        if target.is_relative_to(root):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
        write_text_atomic(target, text)

    monkeypatch.setattr("sen4cap_core.inbox.receipts.write_text_atomic", write)
    assert write_misplaced(settings, one) == aside

    assert [(note.note, note.subject) for note in misplaced_notes(settings)] == [(aside, path)]
    MisplacedThings(settings).sweep()
    assert misplaced_notes(settings) == []


def test_a_part_whose_whole_has_come_loses_its_note(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = _file(root / "nl/2019/practices/CC/b.dbf")
    things = MisplacedThings(settings)
    monkeypatch.setattr("sen4cap_core.inbox.misplaced.INCOMPLETE_SECONDS", 0.0)
    (one,) = find_misplaced(settings, "nl")
    things.see(one, is_rescan=True)
    things.keep_only({part})
    things.sweep()
    assert [note.subject for note in misplaced_notes(settings)] == [part]

    _file(part.with_suffix(".shp"))
    assert list(find_misplaced(settings, "nl")) == []
    things.keep_only(set())
    things.sweep()

    assert misplaced_notes(settings) == []
    unit = find_unit(part.with_suffix(".shp"), root)
    assert unit is not None
    assert part in unit.parts

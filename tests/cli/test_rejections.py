"""Rejections at the terminal: whole reasons, whole paths, what settles them, and how many more."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from sen4cap_core.cli.services import _print_failures, _work_table
from sen4cap_core.cli.terminal.reasons import MAX_LINES, indented
from sen4cap_core.cli.work import MAX_TOLD, _failed, _told
from sen4cap_core.clock import utc_now
from sen4cap_core.db.overview.progress import SiteProgress
from sen4cap_core.db.work.rejections import Rejection
from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import settled_by
from sen4cap_core.inbox.receipts import reject
from sen4cap_core.settings import Settings


def _progress(*rejections: Rejection) -> SiteProgress:
    return SiteProgress(
        1, 1, 0, 0, 0, False, (("process-scene/3", "OSError: no disk\nnone at all"),), rejections
    )


def test_who_waits_is_told_where_the_reason_stands(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    path = settings.uploads_root / "nld/2019/practices/CC/podor.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a", encoding="utf-8")
    error = BadUploadError(path, "no date", remedy="write one")
    moved = reject(settings, path, error)

    rejection = Rejection("nld", "practices-cc", str(moved), utc_now(), error.text())
    told = _told(_failed(settings, _progress(rejection)))

    note = path.parent / "rejected/podor.csv.error.txt"
    until = (
        "The rejection stays open until a corrected file in the same folder is received, or the rejected "
        "file is deleted or moved elsewhere."
    )
    text = note.read_text(encoding="utf-8")
    assert "Dropped as practices/CC/podor.csv, rejected" in text
    assert text.endswith(f"\n{until}\n")
    assert told.splitlines() == [
        "failed process-scene/3",
        "    OSError: no disk",
        "    none at all",
        f"rejected {note}",
        "    podor.csv: no date",
        "    What to do: write one",
        f"    {until}",
    ]


def test_a_very_long_reason_is_cut_and_says_so() -> None:
    lines = indented("\n".join(f"row {n}" for n in range(100))).splitlines()
    assert (len(lines), lines[-1]) == (MAX_LINES + 1, f"    and {100 - MAX_LINES} more lines")


def test_many_are_counted(tmp_path: Path) -> None:
    many = [Rejection("nld", "scene", f"/gone/{n}", utc_now(), "no date") for n in range(30)]
    lines = _told(_failed(Settings(home=tmp_path), _progress(*many))).splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert (len(heads), heads[-1]) == (MAX_TOLD + 1, f"and {31 - MAX_TOLD} more")


def test_status_keeps_paths_whole_and_says_how_many_more() -> None:
    shown = io.StringIO()
    path = "/srv/sen4cap/uploads/nederland/2019/practices/CC/rejected/a-rather-long-name.csv.error.txt"
    one = {"error_file": path, "site": "nld", "at": utc_now(), "why": "a.csv: no date\nWhat to do: write one"}
    one["settled_by"] = settled_by("practices-cc")

    _print_failures(
        Console(file=shown, width=80, highlight=False),
        {"failures": [], "n_failures": 0, "rejections": [one] * 5, "n_rejections": 13},
    )

    lines = shown.getvalue().splitlines()
    assert len([line for line in lines if line.startswith("rejected 2") and path in line]) == 5
    assert lines.count("    What to do: write one") == 5
    assert any(line.startswith("    The rejection stays open until a corrected file") for line in lines)
    assert "rejected and 8 more; list all: sen4cap status --all" in lines
    assert "failed" not in shown.getvalue()


def test_a_second_request_that_found_nothing_new_does_not_sound_like_a_loss() -> None:
    told = _work_table(
        {
            "uploads": {"received": 3},
            "scenes": {"processed": 2, "skipped": 1},
            "jobs": {"detect-mowing": {"skipped": 1}, "process-scene": {"done": 2, "failed": 1}},
            "oldest_waiting_seconds": None,
        }
    )
    assert told.splitlines() == [
        "uploads: 3 received",
        "scenes: 2 processed, 1 skipped",
        "jobs detect-mowing: 1 had nothing to do",
        "jobs process-scene: 2 done, 1 failed",
    ]


def test_rejections_of_old_are_told_from_open_ones() -> None:
    work = {
        "uploads": {"received": 2, "rejected": 7},
        "scenes": {},
        "jobs": {},
        "oldest_waiting_seconds": None,
    }
    assert "uploads: 2 received, 7 rejected (1 of them open)\n" in _work_table({**work, "n_rejections": 1})
    assert "7 rejected (none of them open)\n" in _work_table({**work, "n_rejections": 0})

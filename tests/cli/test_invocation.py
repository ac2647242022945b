"""The last lines of ``up`` and ``demo`` name a command that the reader's shell finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sen4cap_core.cli.terminal.invocation import own_name, tell_new_folder


def test_a_command_on_the_path_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sen4cap"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_name() == "sen4cap"


def test_elsewhere_it_is_called_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone, elsewhere = tmp_path / "clone", tmp_path / "elsewhere"
    clone.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("PATH", str(elsewhere))
    monkeypatch.setattr(sys, "executable", str(clone / ".venv" / "bin" / "python"))
    monkeypatch.chdir(clone)
    assert own_name() == ".venv/bin/sen4cap"
    monkeypatch.chdir(elsewhere)
    assert own_name() == str(clone / ".venv" / "bin" / "sen4cap")


def test_a_folder_that_will_be_made_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "reslts"
    both = [new / "a.csv", new / "b.csv"]

    assert tell_new_folder(both) is both
    assert tell_new_folder(tmp_path / "there.csv") == tmp_path / "there.csv"
    assert tell_new_folder(None) is None

    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"the folder {new} is not there yet: it is made\n")

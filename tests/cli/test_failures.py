"""What is typed wrong at the terminal is answered with a sentence that says what to do."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
import typer

from sen4cap_core import __version__
from sen4cap_core.cli.main import app, main
from sen4cap_core.cli.terminal.failures import sentence_of
from sen4cap_core.service import connection


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """Run a command line in this process; return its exit code and what it said."""
    monkeypatch.setenv("SEN4CAP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEN4CAP_DATABASE_URL", raising=False)

    def run(*words: str) -> tuple[object, str]:
        connection._shared_context.cache_clear()
        monkeypatch.setattr(sys, "argv", ["sen4cap", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capfd.readouterr()
        return end.value.code, told.out + told.err

    yield run
    connection._shared_context.cache_clear()


@pytest.mark.parametrize("word", ["--version", "version"])
def test_the_version_is_said(say, word: str) -> None:
    assert say(word) == (0, f"sen4cap {__version__}\n")


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("site list", 1, "Run: sen4cap up"),
        ("crop-codes draft --declarations {tmp}/nope.gpkg", 1, "nope.gpkg: No such file or directory"),
        ("simulate {tmp}/out --from 2019-05-01 --to 2019-04-01", 1, "30 dates are wanted, 0 passages lie"),
        ("simulate {tmp}/out --size-m 200000", 1, "size_m is 200000, 1000 to 109800 was expected"),
        ("simulate {tmp}/out --dates 0", 2, "greater than or equal to 1"),
        ("products list --from 01.05.2019", 2, "is no day; write YYYY-MM-DD"),
        ("import {tmp}/nope.zip --site x --kind declarations", 1, "Give --year"),
        (
            "import {tmp}/x.zip --site x --kind bogus",
            2,
            "'bogus' is no kind of file. There are: site-extent,",
        ),
        ("import {tmp}/x.zip --site x --kind declaration", 2, "did you mean 'declarations'?"),
        ("import {tmp}/x.zip --kind declaration", 2, "did you mean 'declarations'?"),
        ("import {tmp}/x.zip --kind declarations", 2, "Missing option '--site'"),
        ("import {tmp}/x.zip --site x", 2, "Missing option '--kind'"),
        ("products list --kind l3a", 1, "'l3a' is no kind of product, did you mean 'l3a-composite'? There"),
        (
            "products export {tmp}/out --site x --kind bogus",
            1,
            "'bogus' is no kind of product. There are: l3a",
        ),
        ("alerts set", 2, "give --webhook, --mail or both"),
        (
            "crop-codes draft --declarations {tmp}/no.gpkg --out {tmp}/new/codes.csv",
            1,
            "/new is not there yet: it is made",
        ),
    ],
)
def test_wrong_words_are_answered_with_a_sentence(
    say, tmp_path: Path, words: str, code: int, expected: str
) -> None:
    ended, told = say(*words.format(tmp=tmp_path).split())
    assert (ended, "Traceback" in told) == (code, False)
    assert expected in " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SEN4CAP_DATABASE_URL", "postgresql://u:hush@127.0.0.1:1/x", "The database does not answer"),
        ("SEN4CAP_DATABASE_URL", "nonsense:hush", "This is no address of a database"),
        ("SEN4CAP_SCENE_SLOTS", "many", "SEN4CAP_SCENE_SLOTS: Input should be a valid integer"),
    ],
)
def test_wrong_settings_are_named_and_no_password_is_shown(
    say, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    ended, told = say("site", "list")
    assert ended == 1
    assert expected in told
    assert "hush" not in told


def test_a_mistake_in_the_code_keeps_its_traceback() -> None:
    assert sentence_of(KeyError("x")) is None
    assert sentence_of(OSError("without a file")) is None
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x.tif")
    assert sentence_of(full) == "/data/x.tif: No space left on device."


def test_no_help_has_marks_of_another_language() -> None:
    """A terminal shows back-quotes and asterisks as they are."""

    def texts(command, path: str):
        yield path, command.help or ""
        for option in command.params:
            yield f"{path} {option.name}", getattr(option, "help", None) or ""
        for name, below in getattr(command, "commands", {}).items():
            yield from texts(below, f"{path} {name}")

    told = list(texts(typer.main.get_command(app), "sen4cap"))
    assert len(told) > 150
    assert [path for path, text in told if "``" in text or "**" in text] == []

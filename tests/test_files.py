"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core import files
from sen4cap_core.files import atomic_path, is_partial, sha256_tree, sweep_partial, write_text_atomic


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _partial(folder: Path, host: str, pid: int, *, age_seconds: float = 0.0) -> Path:
    path = folder / f".ndvi.7.{host}-{pid}.part.tif"
    path.write_text("half")
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new/a.txt"
    write_text_atomic(target, "first")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            assert target.read_text() == "first"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert target.read_text() == "first"
    assert os.listdir(target.parent) == ["a.txt"]


def test_a_temporary_name_says_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "node_1.example.org")
    with atomic_path(tmp_path / "L3B_ndvi.tif") as temporary:
        temporary.touch()
        name = temporary.name

    assert name.startswith(".L3B_ndvi.")
    assert name.endswith(f".node-1-example-org-{os.getpid()}.part.tif")


@given(
    stem=st.text(st.characters(exclude_characters="/\0.", codec="utf-8"), min_size=1),
    suffix=st.sampled_from(["", ".tif", ".geoparquet", "." + "x" * 240]),
    host=st.text(max_size=100),
)
def test_a_temporary_name_is_never_too_long_and_always_recognised(stem: str, suffix: str, host: str) -> None:
    # As many times the stem as a name can be long.
    stem = (stem * 255).encode()[: 255 - len(suffix)].decode("utf-8", "ignore")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: host)
        name = files._temporary_name(Path("/data") / (stem + suffix))

        assert len(os.fsencode(name)) <= 255
        assert is_partial(Path(name))
        owner = files._OWNER.fullmatch(name)
        assert owner is not None
        assert (owner["host"], int(owner["pid"])) == (files._host(), os.getpid())
    # What writes it goes by the suffix.
    assert name.endswith(".part" + (suffix if len(suffix) < 20 else ""))


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 125 + ".json")
    write_text_atomic(target, "content")

    assert target.read_text() == "content"
    assert os.listdir(tmp_path) == [target.name]


def test_only_what_nobody_will_finish_is_swept(tmp_path: Path) -> None:
    here, dead = files._host(), _dead_pid()
    (tmp_path / "deep").mkdir()
    gone = {
        _partial(tmp_path, here, dead),
        _partial(tmp_path / "deep", here, dead),
        _partial(tmp_path, "another-node", os.getpid(), age_seconds=25 * 3600),
    }
    old_style = tmp_path / f".ndvi.7.{dead}.part.tif"
    old_style.write_text("half")
    os.utime(old_style, (0, 0))
    gone.add(old_style)
    kept = {
        _partial(tmp_path, here, os.getpid()),
        # The process may well live, on another machine.
        _partial(tmp_path, "another-node", dead),
        _partial(tmp_path, f"{here}-2", dead, age_seconds=3600),
    }
    for name in (".parts.tif", "a.part.tif", ".hidden.party"):
        path = tmp_path / name
        path.write_text("not ours")
        os.utime(path, (0, 0))
        kept.add(path)

    assert set(sweep_partial(tmp_path)) == gone
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert sweep_partial(tmp_path / "absent") == []


@pytest.mark.parametrize(
    "name", [".a.0.node-12.part.tif", ".a.0.node-12.part", ".a.b.0.12.part.gpkg-journal"]
)
def test_temporary_names_are_recognised(name: str) -> None:
    assert is_partial(Path(name))


@pytest.mark.parametrize("name", ["a.part.tif", ".a.parts.tif", ".apart.tif", "a.tif", ".part"])
def test_other_names_are_not(name: str) -> None:
    assert not is_partial(Path(name))


def test_a_folder_s_hash_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/ä.txt").write_text("x")
    first = sha256_tree(tmp_path)
    # Uploads are recognised by it for years.
    assert first == "c35fc470ace61a9e0f575be8b09af91d7c3f54188a6eab3d843b05467cbff0da"
    os.utime(tmp_path / "a/ä.txt", (0, 0))
    (tmp_path / "empty").mkdir()
    assert sha256_tree(tmp_path) == first

    (tmp_path / "a/ä.txt").rename(tmp_path / "a/b.txt")
    assert sha256_tree(tmp_path) != first


def test_names_in_a_folder_need_not_be_utf8(tmp_path: Path) -> None:
    hashes = set()
    for name in (b"/\xe4", b"/\xf6"):
        with open(os.fsencode(tmp_path) + name, "wb") as handle:
            handle.write(b"x")
        hashes.add(sha256_tree(tmp_path))
        os.unlink(os.fsencode(tmp_path) + name)
    assert len(hashes) == 2


def test_a_folder_that_cannot_be_listed_has_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        sha256_tree(tmp_path)

"""A new file holds what was written where, and appears whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.rasters.writing import new_file
from sen4cap_core.rasters.writing.new_file import NewFile


def test_parts_from_several_threads_lie_where_they_belong(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    # More parts than the system takes at once, some empty.
    pieces = [[rng.bytes(size) for size in rng.integers(0, 60, 1500)] for _ in range(8)]
    starts = np.cumsum([0, *(sum(map(len, parts)) for parts in pieces)])
    file = NewFile(tmp_path / "out/a")
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda i: file.write(int(starts[i]), pieces[i]), [5, 2, 7, 0, 1, 6, 3, 4]))
    assert sorted(ends) == list(starts[1:])
    assert file.read(int(starts[3]), len(pieces[3][0])) == pieces[3][0]
    assert not (tmp_path / "out/a").exists()
    file.publish()
    assert (tmp_path / "out/a").read_bytes() == b"".join(b"".join(parts) for parts in pieces)
    file.discard()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"older")
    file = NewFile(tmp_path / "a")
    file.write(0, [b"newer"])
    file.discard()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_a_write_that_is_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_a_part(descriptor: int, parts: Sequence[bytes], at: int) -> int:
        return os.pwrite(descriptor, b"".join(parts)[:100], at)

    monkeypatch.setattr(new_file.os, "pwritev", takes_a_part)
    monkeypatch.setattr(new_file, "_GROUP_BYTES", 3000)
    parts = [bytes([i]) * 70 for i in range(200)]
    file = NewFile(tmp_path / "a")
    assert file.write(10, parts) == 10 + 200 * 70
    file.publish()
    assert (tmp_path / "a").read_bytes() == b"\0" * 10 + b"".join(parts)


def test_what_does_not_reach_the_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(new_file.os, "fsync", full)
    file = NewFile(tmp_path / "a")
    file.write(0, [b"content"])
    with pytest.raises(OSError, match="No space left"):
        file.publish()
    file.discard()
    assert list(tmp_path.iterdir()) == []

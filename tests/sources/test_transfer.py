"""One file over HTTP from a server that breaks, throttles and lies."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.authorisation import RenewedToken
from sen4cap_core.sources.offers import Asset, SourceAwayError, SourceError
from sen4cap_core.sources.transfer import Patience, download
from tests.sources.catalogue_server import Catalogue, serving

CONTENT = os.urandom(300_000)
NAME = "/files/B04.tif"


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    catalogue = Catalogue(files={NAME: CONTENT})
    with serving(catalogue):
        yield catalogue


def fetch(
    catalogue: Catalogue, target: Path, *, auth: httpx.Auth | None = None, **facts: object
) -> tuple[list[float], list[int]]:
    """Download the file; return the pauses that were made and the progress that was told."""
    pauses: list[float] = []
    progress: list[int] = []
    asset = Asset("red", catalogue.url + NAME, **facts)  # type: ignore[arg-type]
    with httpx.Client(auth=auth) as client:
        download(
            client, asset, target, progress=progress.append, patience=Patience(tries=4), sleep=pauses.append
        )
    return pauses, progress


def test_it_comes_whole(catalogue: Catalogue, tmp_path: Path) -> None:
    target = tmp_path / "new" / "B04.tif"
    digest = hashlib.sha256(CONTENT).hexdigest()
    _, progress = fetch(catalogue, target, size_bytes=len(CONTENT), checksum=f"sha256:{digest}")
    assert target.read_bytes() == CONTENT
    assert progress[-1] == len(CONTENT)
    assert sorted(path.name for path in target.parent.iterdir()) == ["B04.tif"]
    fetch(catalogue, target, size_bytes=len(CONTENT))
    assert catalogue.requests == [f"GET {NAME}"], "what is there is not fetched again"


def test_it_goes_on_where_it_broke_off(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.break_after = [100_000, 50_000]
    target = tmp_path / "B04.tif"
    fetch(catalogue, target)
    assert target.read_bytes() == CONTENT
    ranges = [request.partition("bytes=")[2] for request in catalogue.requests]
    assert ranges[0] == ""
    assert all(text.endswith("-") and 0 < int(text[:-1]) < len(CONTENT) for text in ranges[1:])


def test_another_run_goes_on_too(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.break_after = [100_000, 0, 0, 0]
    target = tmp_path / "B04.tif"
    with pytest.raises(SourceAwayError, match="after 4 tries"):
        fetch(catalogue, target)
    assert not target.exists()
    fetch(catalogue, target)
    assert target.read_bytes() == CONTENT
    assert "bytes=" in catalogue.requests[-1]


def test_a_file_that_was_replaced_meanwhile_is_not_mixed(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.break_after = [100_000, 0, 0, 0]
    target = tmp_path / "B04.tif"
    with pytest.raises(SourceAwayError):
        fetch(catalogue, target)
    other = os.urandom(len(CONTENT))
    catalogue.files[NAME] = other
    fetch(catalogue, target)
    assert target.read_bytes() == other


def test_a_server_without_ranges_is_asked_for_all(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.break_after, catalogue.ignore_range = [100_000], True
    fetch(catalogue, tmp_path / "B04.tif")
    assert (tmp_path / "B04.tif").read_bytes() == CONTENT


def test_a_busy_server_is_given_the_pause_it_asks_for(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.busy = [(429, "7"), (503, "")]
    pauses, _ = fetch(catalogue, tmp_path / "B04.tif")
    assert pauses[0] == 7.0
    assert len(pauses) == 2


def test_a_long_pause_is_left_to_a_later_run(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.busy = [(429, "3600")]
    with pytest.raises(SourceAwayError) as caught:
        fetch(catalogue, tmp_path / "B04.tif")
    assert caught.value.retry_after_seconds == 3600.0


def test_a_wrong_size_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the catalogue states 5 bytes, the provider 300000"):
        fetch(catalogue, tmp_path / "B04.tif", size_bytes=5)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_announces_more_than_it_has(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.lie_about_size = 10
    with pytest.raises(SourceAwayError, match="after 4 tries"):
        fetch(catalogue, tmp_path / "B04.tif")
    assert not (tmp_path / "B04.tif").exists()


def test_damage_on_the_way_is_found_and_fetched_anew(catalogue: Catalogue, tmp_path: Path) -> None:
    target = tmp_path / "B04.tif"
    with pytest.raises(SourceAwayError, match="checksum"):
        fetch(catalogue, target, checksum="md5:" + "0" * 32)
    assert len(catalogue.requests) == 4
    assert not target.exists()


def test_what_is_gone_or_forbidden_is_said_at_once(catalogue: Catalogue, tmp_path: Path) -> None:
    with httpx.Client() as client, pytest.raises(SourceError, match="not there any more"):
        download(client, Asset("x", catalogue.url + "/files/none?sig=secret"), tmp_path / "x")
    catalogue.password = "right"
    with httpx.Client() as client, pytest.raises(SourceError, match="refuses the account"):
        download(client, Asset("x", catalogue.url + NAME), tmp_path / "x")


def test_a_token_is_got_kept_and_renewed(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.password = "right"
    account = Account.model_validate(
        {"user": "me", "password": "right", "token_url": catalogue.url + "/token"}
    )
    auth = RenewedToken(account)
    fetch(catalogue, tmp_path / "a", auth=auth)
    fetch(catalogue, tmp_path / "b", auth=auth)
    assert len(catalogue.tokens) == 1
    catalogue.tokens.append("somebody else's: ours has expired")
    fetch(catalogue, tmp_path / "c", auth=auth)
    assert (tmp_path / "c").read_bytes() == CONTENT
    assert len(catalogue.tokens) == 3


def test_a_refused_password_is_not_in_the_message(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.password = "right"
    account = Account.model_validate(
        {"user": "me", "password": "hunter2", "token_url": catalogue.url + "/token"}
    )
    with pytest.raises(SourceError, match="refuses user 'me'") as caught:
        fetch(catalogue, tmp_path / "a", auth=RenewedToken(account))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(account)


def test_a_full_disk_is_said_before_anything_comes(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OSError, match="make room") as caught:
        fetch(catalogue, tmp_path / "B04.tif")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []

"""Objects of a real S3 server on loopback."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.object_store import ObjectStore
from sen4cap_core.sources.offers import Asset, SourceAwayError, SourceError
from sen4cap_core.sources.transfer import PART, TAG

CONTENT = os.urandom(200_000)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(endpoint: str) -> Account:
    account = Account.model_validate(
        {"access_key": "me", "secret_key": "x", "s3_endpoint": endpoint, "s3_region": "us-east-1"}
    )
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="me",
        aws_secret_access_key="x",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="eodata")
    client.put_object(Bucket="eodata", Key="S2/B04.jp2", Body=CONTENT)
    return account


def asset(**facts: object) -> Asset:
    return Asset("red", "s3://eodata/S2/B04.jp2", **facts)  # type: ignore[arg-type]


def test_an_object_comes_whole(account: Account, tmp_path: Path) -> None:
    target, progress = tmp_path / "new" / "B04.jp2", []
    checksum = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    ObjectStore(account).download(asset(checksum=checksum), target, progress=progress.append)
    assert target.read_bytes() == CONTENT
    assert progress[-1] == len(CONTENT)
    assert [path.name for path in target.parent.iterdir()] == ["B04.jp2"]


def test_it_goes_on_where_it_broke_off(account: Account, tmp_path: Path) -> None:
    target, progress = tmp_path / "B04.jp2", []
    tag = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    (tmp_path / f"B04.jp2{PART}").write_bytes(CONTENT[:150_000])
    (tmp_path / f"B04.jp2{TAG}").write_text(tag)
    ObjectStore(account).download(asset(), target, progress=progress.append)
    assert target.read_bytes() == CONTENT
    assert progress[0] > 150_000


def test_a_part_of_another_version_is_dropped(account: Account, tmp_path: Path) -> None:
    target = tmp_path / "B04.jp2"
    (tmp_path / f"B04.jp2{PART}").write_bytes(b"something else")
    (tmp_path / f"B04.jp2{TAG}").write_text('"older"')
    ObjectStore(account).download(asset(), target)
    assert target.read_bytes() == CONTENT


def test_what_is_wrong_is_said(account: Account, tmp_path: Path) -> None:
    store = ObjectStore(account)
    with pytest.raises(SourceError, match="not there any more"):
        store.download(Asset("x", "s3://eodata/none"), tmp_path / "x")
    with pytest.raises(SourceError, match="the catalogue states 7 bytes"):
        store.download(asset(size_bytes=7), tmp_path / "x")
    away = account.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(SourceAwayError):
        ObjectStore(away).download(asset(), tmp_path / "x")

"""A folder on a real S3 server on loopback."""

from __future__ import annotations

from pathlib import Path

import pystac
import pytest

from sen4cap_core.sources import object_upload
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.object_store import ObjectStore
from sen4cap_core.sources.object_upload import upload_folder
from sen4cap_core.sources.offers import SourceAwayError, SourceError
from tests.products.test_catalog import publish
from tests.sources.test_object_store import account, endpoint

__all__ = ["account", "endpoint"]


def objects(account: Account) -> list[str]:
    client = ObjectStore(account).client()
    found = client.list_objects_v2(Bucket="eodata", Prefix="taken/").get("Contents", [])
    # In order of their arrival.
    return [one["Key"] for one in sorted(found, key=lambda one: one["LastModified"])]


def test_a_catalogue_goes_up_whole_and_only_what_is_new_goes_again(
    endpoint: str, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    publish(root)
    (root / ".catalog.lock").touch()
    sent: list[str] = []
    told: list[float] = []
    send = object_upload._send
    monkeypatch.setattr(object_upload, "_send", lambda c, b, key, p: sent.append(key) or send(c, b, key, p))

    assert upload_folder(account, root, "s3://eodata/taken/", told.append) == 6

    assert [key.rpartition(".")[2] for key in sent[:2]] == ["tif", "json"]
    assert sent[-1] == "taken/catalog.json"
    assert sent.index("taken/sites/navarra/catalog.json") > sent.index(
        "taken/sites/navarra/collections/sen4cap-l3b-ndvi/collection.json"
    )
    assert told[-1] == 1.0
    assert sorted(objects(account)) == sorted(sent)
    assert upload_folder(account, root, "s3://eodata/taken") == 0
    publish(root, days=5)
    assert upload_folder(account, root, "s3://eodata/taken") == 4

    client = ObjectStore(account).client()
    for key in objects(account):
        copy = tmp_path / "back" / key
        copy.parent.mkdir(parents=True, exist_ok=True)
        client.download_file("eodata", key, str(copy))
    catalogue = pystac.Catalog.from_file(str(tmp_path / "back/taken/catalog.json"))
    assert len(list(catalogue.get_items(recursive=True))) == 2


def test_what_cannot_be_sent_says_why(endpoint: str, account: Account, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(SourceError, match="no address"):
        upload_folder(account, tmp_path, "eodata/taken")
    with pytest.raises(SourceError, match="refuses"):
        upload_folder(account, tmp_path, "s3://nobodys-bucket/taken")
    away = account.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(SourceAwayError, match=r"a\.json"):
        upload_folder(away, tmp_path, "s3://eodata/taken")

"""Files of an S3 object store, for catalogues whose assets lie there (Copernicus Data Space, archives)."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.offers import Asset, Progress, SourceAwayError, SourceError
from sen4cap_core.sources.transfer import CHUNK_BYTES, PART, TAG, require_room, verify

_REFUSED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_GONE = {"NoSuchKey", "NoSuchBucket", "404"}
_lock = threading.Lock()


class ObjectStore:
    """An object store with the account's keys, or without any where it is open."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def download(self, asset: Asset, target: Path, *, progress: Progress = lambda _: None) -> None:
        """Bring one object; goes on where an earlier try broke off, as long as the object is the same.

        Raises
        ------
        SourceAwayError
            The store does not answer, or broke off; what came is kept.
        SourceError
            It refuses the keys, has no such object, or what came is not what was announced.
        """
        if target.is_file() and asset.size_bytes in (None, target.stat().st_size):
            return
        parts = urlsplit(asset.href)
        bucket, key = parts.netloc, parts.path.lstrip("/")
        try:
            self._download(bucket, key, asset, target, progress)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _REFUSED:
                raise SourceError(
                    f"{asset.href}: the object store refuses the keys ({code}); the account needs access_key "
                    "and secret_key"
                ) from None
            if code in _GONE:
                raise SourceError(f"{asset.href} is not there any more") from None
            raise SourceAwayError(f"{asset.href}: {code}") from None
        except BotoCoreError as error:
            raise SourceAwayError(f"{asset.href}: {type(error).__name__}") from None

    def _download(self, bucket: str, key: str, asset: Asset, target: Path, progress: Progress) -> None:
        client = self.client()
        head = client.head_object(Bucket=bucket, Key=key)
        size, tag = int(head["ContentLength"]), str(head.get("ETag", ""))
        if asset.size_bytes is not None and asset.size_bytes != size:
            raise SourceError(
                f"{asset.href}: the catalogue states {asset.size_bytes} bytes, the object store {size}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        part, tag_file = target.with_name(target.name + PART), target.with_name(target.name + TAG)
        is_same = tag_file.is_file() and tag_file.read_text() == tag
        have = part.stat().st_size if part.is_file() and is_same else 0
        require_room(target.parent, size - have)
        tag_file.write_text(tag)
        with part.open("ab" if have else "wb") as out:
            while have < size:
                body = client.get_object(Bucket=bucket, Key=key, IfMatch=tag, Range=f"bytes={have}-")["Body"]
                before = have
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    out.write(chunk)
                    have += len(chunk)
                    progress(have)
                if have == before:
                    raise SourceAwayError(f"{asset.href}: {have} of {size} bytes came")
            out.flush()
            os.fsync(out.fileno())
        verify(asset, part)
        part.replace(target)
        tag_file.unlink(missing_ok=True)

    def client(self) -> Any:
        """Return a client with the account's keys, without any where it has none."""
        # Making a client is not safe in several threads at once; one serves them all.
        with _lock:
            return _client_of(self._account)


@lru_cache(maxsize=16)
def _client_of(account: Account) -> Any:
    config = Config(retries={"max_attempts": 5, "mode": "standard"}, read_timeout=60, connect_timeout=10)
    keys: dict[str, Any] = {}
    if account.access_key is not None and account.secret_key is not None:
        keys = {
            "aws_access_key_id": account.access_key.get_secret_value(),
            "aws_secret_access_key": account.secret_key.get_secret_value(),
        }
    else:
        config = config.merge(Config(signature_version=UNSIGNED))
    return boto3.session.Session().client(
        "s3", endpoint_url=account.s3_endpoint, region_name=account.s3_region, config=config, **keys
    )

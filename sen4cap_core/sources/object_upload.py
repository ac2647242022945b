"""A folder taken to an S3 object store, so that a catalogue there is never ahead of its files."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from sen4cap_core.files import files_below, sha256_file
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.object_store import ObjectStore
from sen4cap_core.sources.offers import SourceAwayError, SourceError

_SHA256 = "sha256"
_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3",
    ".json": "application/json",
}


def upload_folder(
    account: Account, folder: Path, href: str, progress: Callable[[float], None] = lambda _: None
) -> int:
    """Copy a folder's files below ``s3://bucket/prefix``; return how many were sent.

    Objects that are there with the same content are not sent again, so that a broken upload goes on. Rasters
    and tables go first, then items, then the catalogue from the leaves to the root: whoever reads meanwhile
    finds what is linked.

    Raises
    ------
    SourceAwayError
        The store does not answer or broke off.
    SourceError
        The address is none, or the store refuses.
    """
    parts = urlsplit(href)
    if parts.scheme != "s3" or not parts.netloc:
        raise SourceError(f"{href!r} is no address of an object store, such as s3://bucket/folder")
    prefix = parts.path.strip("/")
    client = ObjectStore(account).client()
    files = sorted((path for path in files_below(folder) if not path.name.startswith(".")), key=_order)
    sent = 0
    for number, path in enumerate(files, start=1):
        key = "/".join(part for part in (prefix, path.relative_to(folder).as_posix()) if part)
        try:
            sent += _send(client, parts.netloc, key, path)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise SourceError(f"s3://{parts.netloc}/{key}: the object store refuses ({code})") from None
        except S3UploadFailedError as error:
            raise SourceError(f"s3://{parts.netloc}/{key}: the object store refuses ({error})") from None
        except (BotoCoreError, OSError) as error:
            raise SourceAwayError(f"s3://{parts.netloc}/{key}: {type(error).__name__}") from None
        progress(number / len(files))
    return sent


def _order(path: Path) -> tuple[int, int, str]:
    if path.name in ("catalog.json", "collection.json"):
        return 2, -len(path.parts), str(path)
    return int(path.suffix == ".json"), 0, str(path)


def _send(client: Any, bucket: str, key: str, path: Path) -> int:
    digest = sha256_file(path)
    try:
        known = client.head_object(Bucket=bucket, Key=key)
        if known["Metadata"].get(_SHA256) == digest and known["ContentLength"] == path.stat().st_size:
            return 0
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404:
            raise
    kind = _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    client.upload_file(str(path), bucket, key, ExtraArgs={"Metadata": {_SHA256: digest}, "ContentType": kind})
    return 1

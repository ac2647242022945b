"""One file over HTTP: it goes on where it broke off, is checked, and appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from sen4cap_core.sources.offers import Asset, Progress, SourceAwayError, SourceError

PART = ".download"
"""Suffix of what has come so far; its bytes are kept for the next try."""
TAG = ".download-tag"
"""Suffix of the file that remembers which version of the remote file these bytes are of."""
CHUNK_BYTES = 1 << 20
KEEP_FREE_BYTES = 1 << 30
"""A transfer is not begun when the disk would have less than this left."""
BUSY = (408, 425, 429, 500, 502, 503, 504)
MAX_WAIT_SECONDS = 120.0
"""A provider that asks for a longer pause is asked again by a later run."""


@dataclass(frozen=True)
class Patience:
    """How often and how long a transfer is tried within one run."""

    tries: int = 5
    first_wait_seconds: float = 1.0
    timeout_seconds: float = 60.0
    """Without a byte for so long a connection counts as broken."""


def download(
    client: httpx.Client,
    asset: Asset,
    target: Path,
    *,
    progress: Progress = lambda _: None,
    patience: Patience = Patience(),
    sleep: Callable[[float], None] | None = None,
) -> Path:
    """Bring one file; a file of that name and size that is there already is taken as it is.

    Parameters
    ----------
    asset : address, and size and checksum as far as the catalogue states them
    target : where it is to lie; beside it ``<name>.download`` while it is under way
    progress : called with the bytes that have come so far

    Raises
    ------
    SourceAwayError
        After all tries, or when the provider asks for a long pause; what came is kept.
    SourceError
        The provider refuses or does not have it, or what came is not what was announced.
    OSError
        The disk is full; what came is kept.
    """
    if target.is_file() and asset.size_bytes in (None, target.stat().st_size):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    wait, last = patience.first_wait_seconds, "nothing was tried"
    for attempt in range(patience.tries):
        if attempt:
            # Looked up now, so that whoever replaces the clock of a test replaces this pause too.
            (sleep or time.sleep)(wait)
            wait = min(2 * wait, MAX_WAIT_SECONDS)
        try:
            _transfer(client, asset, target, progress, patience.timeout_seconds)
            return target
        except _Busy as busy:
            last = str(busy)
            if busy.retry_after_seconds is not None:
                if busy.retry_after_seconds > MAX_WAIT_SECONDS:
                    raise SourceAwayError(str(busy), busy.retry_after_seconds) from None
                wait = max(wait, busy.retry_after_seconds)
        except httpx.HTTPError as error:
            last = f"{_shown(asset.href)}: {type(error).__name__}"
    raise SourceAwayError(f"{last}, after {patience.tries} tries")


class _Busy(SourceAwayError):
    """The provider asks to come again."""


def _transfer(
    client: httpx.Client, asset: Asset, target: Path, progress: Progress, timeout_seconds: float
) -> None:
    part, tag = target.with_name(target.name + PART), target.with_name(target.name + TAG)
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        known = tag.read_text() if tag.is_file() else ""
        # Strong tags only: a weak one is no promise that the bytes are the same.
        if known and not known.startswith("W/"):
            headers["If-Range"] = known
    with client.stream("GET", asset.href, headers=headers, timeout=timeout_seconds) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
            if have and asset.size_bytes == have:
                raise _Busy(f"{_shown(asset.href)}: the part that had come was refused")
            raise _Busy(f"{_shown(asset.href)}: the remote file is shorter than what had come")
        _refuse(asset, response)
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            have = 0
        elif have != _range_start(response):
            part.unlink(missing_ok=True)
            raise _Busy(f"{_shown(asset.href)}: the provider sent another part than was asked for")
        announced = _announced(response, have)
        _check_size(asset, announced)
        require_room(target.parent, (announced or asset.size_bytes or 0) - have)
        tag.write_text(response.headers.get("ETag", ""))
        with part.open("ab" if have else "wb") as out:
            # As it comes: what is held back for a full chunk is lost when the connection breaks.
            for chunk in response.iter_raw():
                out.write(chunk)
                have += len(chunk)
                progress(have)
            out.flush()
            os.fsync(out.fileno())
    expected = announced if announced is not None else asset.size_bytes
    if expected is not None and have < expected:
        raise _Busy(f"{_shown(asset.href)}: {have} of {expected} bytes came")
    if expected is not None and have > expected:
        part.unlink(missing_ok=True)
        raise _Busy(f"{_shown(asset.href)}: {have} bytes came where {expected} were announced")
    verify(asset, part)
    part.replace(target)
    tag.unlink(missing_ok=True)


def _refuse(asset: Asset, response: httpx.Response) -> None:
    code, where = response.status_code, _shown(asset.href)
    if code in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        return
    if code in BUSY:
        raise _Busy(f"{where} answers {code}", _retry_after(response))
    if code in (401, 403):
        raise SourceError(f"{where} refuses the account ({code}): see `secret` in site.yaml")
    if code in (404, 410):
        raise SourceError(f"{where} is not there any more ({code})")
    raise SourceError(f"{where} answers {code}")


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _range_start(response: httpx.Response) -> int | None:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _announced(response: httpx.Response, have: int) -> int | None:
    """Bytes of the whole file as the answer states them, None where it does not."""
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdigit() else None


def _check_size(asset: Asset, announced: int | None) -> None:
    if announced is not None and asset.size_bytes is not None and announced != asset.size_bytes:
        raise SourceError(
            f"{_shown(asset.href)}: the catalogue states {asset.size_bytes} bytes, the provider {announced}: "
            "the product was replaced or the catalogue is wrong; the next search asks anew"
        )


def verify(asset: Asset, part: Path) -> None:
    """Compare what came with the checksum of the catalogue; what differs is thrown away and fetched anew."""
    if asset.checksum is None:
        return
    algorithm, _, expected = asset.checksum.partition(":")
    digest = hashlib.new(algorithm)
    with part.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != expected.lower():
        part.unlink()
        raise _Busy(f"{_shown(asset.href)}: what came does not have the checksum of the catalogue")


def require_room(folder: Path, wanted_bytes: int) -> None:
    """See that the disk can take what is to come. Raises OSError (disk full) with what to do."""
    free = shutil.disk_usage(folder).free
    if free - wanted_bytes < KEEP_FREE_BYTES:
        raise OSError(
            errno.ENOSPC,
            f"{wanted_bytes / 1e6:.0f} MB are to come, {free / 1e6:.0f} MB are free: make room in {folder}",
            str(folder),
        )


def _shown(href: str) -> str:
    """Return an address without what may be a signature."""
    return href.partition("?")[0]

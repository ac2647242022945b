"""Bands inside zip archives, read in place.

A stored member can be read anywhere at once. A deflated one can only be inflated from its beginning: GDAL
would do so again for each block and thread, so it is inflated once into memory and read from there.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from rasterio.io import MemoryFile

_PREFIX = "/vsizip/"


def split_uri(uri: str) -> tuple[Path, str] | None:
    """Archive and member of ``/vsizip/<archive>/<member>`` or ``/vsizip/{<archive>}/<member>``, else None."""
    if not uri.startswith(_PREFIX):
        return None
    rest = uri[len(_PREFIX) :]
    if rest.startswith("{"):
        archive, _, member = rest[1:].partition("}/")
        return Path(archive), member
    path = Path(rest)
    for archive_path in path.parents:
        if archive_path.is_file():
            return archive_path, path.relative_to(archive_path).as_posix()
    return path, ""


def inflate(uri: str) -> MemoryFile | None:
    """Return a deflated member as a file in memory; None for a stored one or a plain path.

    None for an ENVI image as well: it is read with the header beside it, from top to bottom, and a whole
    slice would take gigabytes.

    Raises
    ------
    OSError
        When the archive or the member is missing or damaged.
    """
    place = split_uri(uri)
    if place is None or place[1].lower().endswith(".img"):
        return None
    archive, member = place
    try:
        with ZipFile(archive) as opened:
            if opened.getinfo(member).compress_type == ZIP_STORED:
                return None
            return MemoryFile(opened.read(member), ext=Path(member).suffix)
    except KeyError as error:
        raise OSError(f"{archive.name} holds no {member}") from error
    except (BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise OSError(f"{archive.name} is damaged at {member}: {error}") from error


def last_bytes(uri: str, n: int) -> tuple[bytes, int] | None:
    """Last ``n`` bytes and the size of a file or of a stored member; None where that needs inflating.

    Raises
    ------
    OSError
        When the file, the archive or the member is missing or damaged.
    """
    place = split_uri(uri)
    if place is None:
        with Path(uri).open("rb") as handle:
            size = handle.seek(0, 2)
            handle.seek(max(size - n, 0))
            return handle.read(), size
    archive, member = place
    try:
        with ZipFile(archive) as opened, opened.open(member) as handle:
            size = opened.getinfo(member).file_size
            if opened.getinfo(member).compress_type != ZIP_STORED:
                return None
            handle.seek(max(size - n, 0))
            return handle.read(), size
    except KeyError as error:
        raise OSError(f"{archive.name} holds no {member}") from error
    except (BadZipFile, EOFError, NotImplementedError) as error:
        raise OSError(f"{archive.name} is damaged at {member}: {error}") from error

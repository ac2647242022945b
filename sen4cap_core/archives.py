"""Archives from outside: looked at before anything is read, unpacked only inside their folder."""

from __future__ import annotations

import contextlib
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from tarfile import TarInfo
from zipfile import BadZipFile, ZipFile, ZipInfo

from sen4cap_core.errors import IncompleteArchiveError, UnsafeArchiveError
from sen4cap_core.files import CHUNK_BYTES, atomic_path

MAX_TOTAL_BYTES = 20 * 1024**3
MAX_FILES = 20_000
MAX_RATIO = 200.0
"""Bytes unpacked per byte packed. Metadata XML reaches 30, constant test rasters about 150, bombs 1000."""
RATIO_FREE_BYTES = 16 * 1024**2
"""Members that unpack to less than this are harmless whatever their ratio."""

_ENCRYPTED = 0x1
_ZIP_START = b"PK\x03\x04"
_READABLE_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


def inspect_zip(
    path: Path,
    *,
    max_total_bytes: int = MAX_TOTAL_BYTES,
    max_files: int = MAX_FILES,
    max_ratio: float = MAX_RATIO,
) -> list[ZipInfo]:
    """List the files of a zip after checking that it is safe to read and to unpack.

    Only the central directory is read. Directories are left out of the answer.

    Parameters
    ----------
    path : Path
        The archive.
    max_total_bytes, max_files, max_ratio
        Limits of unpacked size, number of entries and unpacked/packed size (of the whole archive and of
        each member above 16 MB).

    Raises
    ------
    IncompleteArchiveError
        The file is not a complete zip.
    UnsafeArchiveError
        An entry would land outside the folder (absolute path, ``..``,
        drive letter, backslashes that say the same), is a symbolic link or another special file, is
        encrypted or packed in a way that cannot be read; two entries have the same name (also when they
        differ only in upper and lower case); or a limit is passed.
    """
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, EOFError, ValueError, OSError, NotImplementedError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _no_zip(path, error) from error
    if len(entries) > max_files:
        raise UnsafeArchiveError(
            path,
            f"this archive has {len(entries)} entries, more than the {max_files} that are accepted.",
            remedy="drop its parts as several archives.",
        )
    size_on_disk = path.stat().st_size
    seen: dict[str, str] = {}
    for entry in entries:
        _check_entry(path, entry, size_on_disk, max_ratio)
        key = _same_file_key(entry.filename)
        if key in seen:
            raise UnsafeArchiveError(
                path,
                f"this archive holds {entry.filename!r} twice"
                + (f" (also as {seen[key]!r})." if seen[key] != entry.filename else "."),
                expected="each file once",
                remedy="pack it anew.",
            )
        seen[key] = entry.filename
    files = [entry for entry in entries if not entry.is_dir()]
    unpacked = sum(entry.file_size for entry in files)
    if unpacked > max_total_bytes:
        raise UnsafeArchiveError(
            path,
            f"this archive unpacks to {unpacked / 1e9:.1f} GB, more than the {max_total_bytes / 1e9:.1f} GB "
            "that are accepted.",
            remedy="drop its parts as several archives.",
        )
    if unpacked > RATIO_FREE_BYTES and unpacked > max_ratio * max(size_on_disk, 1):
        raise _bomb(path, "this archive", unpacked, size_on_disk, max_ratio)
    return files


def _no_zip(path: Path, error: Exception) -> IncompleteArchiveError:
    """Tell a zip that was cut short from a file that never was one and from one that is damaged."""
    n_bytes, start = path.stat().st_size, b""
    with contextlib.suppress(OSError), path.open("rb") as file:
        start = file.read(len(_ZIP_START))
    if not n_bytes:
        return IncompleteArchiveError(path, "this file is empty.", remedy="copy or download it again.")
    if not _ZIP_START.startswith(start):
        return IncompleteArchiveError(
            path, "this is no zip archive, whatever its name says.", remedy="pack the files into a zip."
        )
    if zipfile.is_zipfile(path):
        return IncompleteArchiveError(
            path, f"this zip archive is damaged: {error}.", remedy="copy or download it again."
        )
    return IncompleteArchiveError(
        path,
        "this zip archive was cut short: it begins as one, but its end, where its files are listed, is "
        f"missing ({n_bytes} bytes are here).",
        remedy="compare its size with that of the original, and copy or download it again.",
    )


def extract_zip(path: Path, into: Path, members: Iterable[str] | None = None) -> list[Path]:
    """Unpack a zip, or some of its members, below a folder; return the files written.

    The archive is inspected first, with the limits of `inspect_zip`. Nothing in ``into`` is overwritten by
    half a file: each member appears whole. No more is written than the directory announces.

    Raises
    ------
    UnsafeArchiveError
        See `inspect_zip`; or a member is damaged, is larger than announced, or is not in the archive.
    """
    entries = {entry.filename: entry for entry in inspect_zip(path)}
    wanted = list(entries) if members is None else list(members)
    absent = [name for name in wanted if name not in entries]
    if absent:
        raise UnsafeArchiveError(path, f"this archive holds no file {absent[0]!r}.")
    root = into.resolve()
    written = []
    with ZipFile(path) as archive:
        for name in wanted:
            entry = entries[name]
            target = root / member_path(name)
            if not target.parent.resolve().is_relative_to(root):
                # A symbolic link that was in the folder before.
                raise UnsafeArchiveError(path, f"entry {name!r} would be written outside its folder.")
            with atomic_path(target) as temporary:
                _copy_member(path, archive, entry, temporary)
            written.append(target)
    return written


def _copy_member(path: Path, archive: ZipFile, entry: ZipInfo, target: Path) -> None:
    remaining = entry.file_size
    try:
        with archive.open(entry) as source, target.open("wb") as sink:
            while chunk := source.read(CHUNK_BYTES):
                remaining -= len(chunk)
                if remaining < 0:
                    raise UnsafeArchiveError(path, f"entry {entry.filename!r} is larger than it announces.")
                sink.write(chunk)
    except (BadZipFile, EOFError, zlib.error) as error:
        raise UnsafeArchiveError(
            path,
            f"entry {entry.filename!r} is damaged ({error}).",
            remedy="copy or download the archive again.",
        ) from error


def _check_entry(path: Path, entry: ZipInfo, size_on_disk: int, max_ratio: float) -> None:
    name = entry.filename
    parts = PurePosixPath(member_path(name)).parts
    raw = name.replace("\\", "/")
    if (
        raw.startswith("/")
        or ".." in raw.split("/")
        or (parts and ":" in parts[0])
        or not raw.strip("/")
        or any(ord(character) < 32 for character in name)
    ):
        raise UnsafeArchiveError(
            path,
            f"entry {name!r} would be written outside its folder.",
            expected="plain relative file names",
            remedy="pack it anew, with paths relative to its own folder.",
        )
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "a special file"
        raise UnsafeArchiveError(
            path, f"entry {name!r} is {what}.", expected="files and folders only", remedy="pack it anew."
        )
    if entry.flag_bits & _ENCRYPTED:
        raise UnsafeArchiveError(
            path, f"entry {name!r} is encrypted.", remedy="pack it anew without a password."
        )
    if entry.compress_type not in _READABLE_METHODS:
        raise UnsafeArchiveError(
            path,
            f"entry {name!r} is packed with method {entry.compress_type}, which cannot be read.",
            expected="stored or deflated members",
            remedy="pack it anew as an ordinary zip.",
        )
    if entry.header_offset + entry.compress_size > size_on_disk:
        raise UnsafeArchiveError(
            path,
            f"entry {name!r} lies beyond the end of the archive.",
            remedy="copy or download it again; it may have been cut short.",
        )
    if entry.file_size > RATIO_FREE_BYTES and entry.file_size > max_ratio * max(entry.compress_size, 1):
        raise _bomb(path, f"entry {name!r}", entry.file_size, entry.compress_size, max_ratio)


def _bomb(path: Path, what: str, unpacked: int, packed: int, max_ratio: float) -> UnsafeArchiveError:
    return UnsafeArchiveError(
        path,
        f"{what} unpacks {packed} bytes to {unpacked}, more than {max_ratio:g} times as much.",
        remedy="if the content is real, drop it unpacked.",
    )


def inspect_tar(
    path: Path, *, max_total_bytes: int = MAX_TOTAL_BYTES, max_files: int = MAX_FILES
) -> list[TarInfo]:
    """List the files of an uncompressed tar after checking that it is safe and whole.

    Only headers are read. Directories are left out of the answer.

    Raises
    ------
    UnsafeArchiveError
        The file is not a tar, is compressed, or ends before its last member does; a member is no plain file
        (a link, a device), has a name that points outside, comes twice; or a limit is passed.
    """
    size_on_disk = path.stat().st_size
    seen: set[str] = set()
    files: list[TarInfo] = []
    again = "copy or download it again; it may have been cut short."
    try:
        with tarfile.open(path, "r:") as archive:
            for number, member in enumerate(archive):
                if number >= max_files:
                    raise UnsafeArchiveError(path, f"this archive has more than {max_files} entries.")
                if member.isdir():
                    continue
                _check_tar_member(path, member, seen)
                if member.offset_data + member.size > size_on_disk:
                    raise UnsafeArchiveError(
                        path, f"it is cut short: entry {member.name!r} is not all there.", remedy=again
                    )
                files.append(member)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise IncompleteArchiveError(
            path,
            f"this is not a complete tar archive ({error}).",
            expected="an uncompressed .tar",
            remedy=f"{again} Of a .tar.gz drop the unpacked folder.",
        ) from error
    # The end of a tar is two empty blocks: a copy cut between two members would look whole without them.
    if not _ends_empty(path, size_on_disk):
        raise UnsafeArchiveError(path, "it is cut short: the end mark of a tar is missing.", remedy=again)
    if sum(member.size for member in files) > max_total_bytes:
        raise UnsafeArchiveError(
            path, f"this archive holds more than the {max_total_bytes / 1e9:.1f} GB that are accepted."
        )
    return files


def extract_tar(path: Path, into: Path) -> list[Path]:
    """Unpack an uncompressed tar below a folder; return the files written, each of which appears whole.

    Raises
    ------
    UnsafeArchiveError
        See `inspect_tar`, which looks at it first; or it would write through a link that was there before.
    """
    root = into.resolve()
    written = []
    with path.open("rb") as archive:
        for member in inspect_tar(path):
            target = root / member_path(member.name)
            if not target.parent.resolve().is_relative_to(root):
                raise UnsafeArchiveError(path, f"entry {member.name!r} would be written outside its folder.")
            archive.seek(member.offset_data)
            with atomic_path(target) as temporary, temporary.open("wb") as sink:
                for done in range(0, member.size, CHUNK_BYTES):
                    sink.write(archive.read(min(CHUNK_BYTES, member.size - done)))
            written.append(target)
    return written


def _check_tar_member(path: Path, member: TarInfo, seen: set[str]) -> None:
    name = member.name
    raw = member_path(name)
    if (
        raw.startswith("/")
        or ".." in raw.split("/")
        or ":" in raw.split("/")[0]
        or any(ord(character) < 32 for character in name)
    ):
        raise UnsafeArchiveError(
            path, f"entry {name!r} would be written outside its folder.", expected="plain relative file names"
        )
    if not member.isreg() or member.issparse():
        raise UnsafeArchiveError(
            path,
            f"entry {name!r} is no plain file.",
            expected="files and folders only",
            remedy="pack it anew.",
        )
    key = _same_file_key(name)
    if key in seen:
        raise UnsafeArchiveError(path, f"this archive holds {name!r} twice.", expected="each file once")
    seen.add(key)


def _ends_empty(path: Path, size: int) -> bool:
    with path.open("rb") as handle:
        handle.seek(max(0, size - 2 * tarfile.BLOCKSIZE))
        return size >= 2 * tarfile.BLOCKSIZE and not any(handle.read())


def member_path(name: str) -> str:
    """Return the name of a member with ``/`` between its parts."""
    # Windows packers write backslashes against the standard; as a plain character they would make one
    # long file name here and a path elsewhere, so they always mean a path.
    return name.replace("\\", "/")


def _same_file_key(name: str) -> str:
    return unicodedata.normalize("NFC", member_path(name)).rstrip("/").casefold()

"""The files of one product, the same to ask whether they lie in a folder, in a zip or in a tar."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol
from zipfile import ZipFile, ZipInfo

from sen4cap_core.archives import inspect_tar, inspect_zip, member_path
from sen4cap_core.errors import UnreadableSceneError


class ProductFiles(Protocol):
    """Files of a product by their path inside it (``/`` between the parts)."""

    @property
    def dropped(self) -> Path:
        """What the user dropped: the folder or the zip."""

    @property
    def root_name(self) -> str:
        """Name of the product's own folder (``S2A_MSIL2A_....SAFE``)."""

    def names(self) -> list[str]:
        """All files, sorted."""

    def size(self, name: str) -> int | None:
        """Size in bytes, None where there is no such file."""

    def read(self, name: str) -> bytes:
        """Read a whole (small) file."""

    def head(self, name: str, n_bytes: int) -> bytes:
        """First bytes of a file."""

    def peek(self, name: str, offset: int, n_bytes: int) -> bytes | None:
        """Bytes from the middle of a file, None where reaching them means reading all before them."""

    def uri(self, name: str) -> str:
        """Where GDAL finds this file."""


class FolderFiles:
    """A product unpacked in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def dropped(self) -> Path:
        return self._root

    @property
    def root_name(self) -> str:
        return self._root.name

    def names(self) -> list[str]:
        return sorted(p.relative_to(self._root).as_posix() for p in self._root.rglob("*") if p.is_file())

    def size(self, name: str) -> int | None:
        path = self._path(name)
        return path.stat().st_size if path.is_file() else None

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def head(self, name: str, n_bytes: int) -> bytes:
        return self.peek(name, 0, n_bytes)

    def peek(self, name: str, offset: int, n_bytes: int) -> bytes:
        with self._path(name).open("rb") as handle:
            handle.seek(offset)
            return handle.read(n_bytes)

    def uri(self, name: str) -> str:
        return str(self._path(name).resolve())

    def _path(self, name: str) -> Path:
        path = self._root / name
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise UnreadableSceneError(
                self._root,
                f"its metadata points to {name!r}, outside the product's own folder.",
                remedy="copy or download the product again.",
            )
        return path


class ZipFiles:
    """A product inside a zip, below ``prefix`` (empty, or ending with ``/``); never unpacked."""

    def __init__(self, archive: Path, prefix: str, entries: list[ZipInfo]) -> None:
        self._archive = archive
        self._prefix = prefix
        self._entries = {
            name.removeprefix(prefix): entry
            for entry in entries
            if (name := entry.filename.replace("\\", "/")).startswith(prefix)
        }

    @property
    def dropped(self) -> Path:
        return self._archive

    @property
    def root_name(self) -> str:
        return PurePosixPath(self._prefix).name or self._archive.name.removesuffix(".zip")

    def names(self) -> list[str]:
        return sorted(self._entries)

    def size(self, name: str) -> int | None:
        entry = self._entries.get(name)
        return entry.file_size if entry else None

    def read(self, name: str) -> bytes:
        return self.head(name, -1)

    def head(self, name: str, n_bytes: int) -> bytes:
        try:
            with ZipFile(self._archive) as archive, archive.open(self._entries[name]) as member:
                return member.read(n_bytes)
        except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
            raise UnreadableSceneError(
                self._archive,
                f"{name} inside the archive is damaged ({error}).",
                remedy="copy or download the archive again.",
            ) from error

    def peek(self, name: str, offset: int, n_bytes: int) -> bytes | None:
        entry = self._entries[name]
        if entry.compress_type != zipfile.ZIP_STORED:
            return None
        with self._archive.open("rb") as handle:
            # The local header repeats the name and may have another extra field than the directory.
            handle.seek(entry.header_offset + 26)
            name_bytes, extra_bytes = struct.unpack("<HH", handle.read(4))
            handle.seek(entry.header_offset + 30 + name_bytes + extra_bytes + offset)
            return handle.read(n_bytes)

    def uri(self, name: str) -> str:
        # The braces say where the archive's own name ends, whatever it is called.
        return f"/vsizip/{{{self._archive.resolve()}}}/{self._entries[name].filename}"


def find_safe_roots(archive: Path, markers: tuple[str, ...]) -> list[ZipFiles]:
    """Return the products inside a zip: each folder that directly holds one of the marker files.

    Raises
    ------
    UnsafeArchiveError
        See `sen4cap_core.archives.inspect_zip`.
    """
    return find_zip_roots(archive, lambda name: name in markers)


def find_zip_roots(archive: Path, is_marker: Callable[[str], bool]) -> list[ZipFiles]:
    """Return the products inside a zip: each folder that directly holds a file whose name marks one.

    Raises
    ------
    UnsafeArchiveError
        See `sen4cap_core.archives.inspect_zip`.
    """
    entries = inspect_zip(archive)
    prefixes = set()
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if is_marker(path.name):
            prefixes.add("" if path.parent == PurePosixPath(".") else f"{path.parent}/")
    return [ZipFiles(archive, prefix, entries) for prefix in sorted(prefixes)]


class TarFiles:
    """A product inside an uncompressed tar; never unpacked, its members are read where they lie."""

    def __init__(self, archive: Path, prefix: str, members: list[tarfile.TarInfo]) -> None:
        self._archive = archive
        self._prefix = prefix
        self._members = {
            name.removeprefix(prefix): member
            for member in members
            if (name := member_path(member.name)).startswith(prefix)
        }

    @property
    def dropped(self) -> Path:
        return self._archive

    @property
    def root_name(self) -> str:
        return PurePosixPath(self._prefix).name or self._archive.name.removesuffix(".tar")

    def names(self) -> list[str]:
        return sorted(self._members)

    def size(self, name: str) -> int | None:
        member = self._members.get(name)
        return member.size if member else None

    def read(self, name: str) -> bytes:
        return self.peek(name, 0, self._members[name].size)

    def head(self, name: str, n_bytes: int) -> bytes:
        return self.peek(name, 0, n_bytes)

    def peek(self, name: str, offset: int, n_bytes: int) -> bytes:
        member = self._members[name]
        with self._archive.open("rb") as handle:
            handle.seek(member.offset_data + offset)
            return handle.read(min(n_bytes, max(member.size - offset, 0)))

    def uri(self, name: str) -> str:
        return f"/vsitar/{{{self._archive.resolve()}}}/{self._members[name].name}"


def find_tar_roots(archive: Path, is_marker: Callable[[str], bool]) -> list[TarFiles]:
    """Return the products inside a tar: each folder that directly holds a file whose name marks one.

    Raises
    ------
    UnsafeArchiveError
        See `sen4cap_core.archives.inspect_tar`.
    """
    members = inspect_tar(archive)
    prefixes = set()
    for member in members:
        path = PurePosixPath(member_path(member.name))
        if is_marker(path.name):
            prefixes.add("" if path.parent == PurePosixPath(".") else f"{path.parent}/")
    return [TarFiles(archive, prefix, members) for prefix in sorted(prefixes)]


def product_roots(path: Path, is_marker: Callable[[str], bool]) -> list[ProductFiles]:
    """Return the product of a folder, or the products in a zip or a tar.

    Raises UnsafeArchiveError as the archives do.
    """
    if path.is_dir():
        inside = [path, *sorted(child for child in path.iterdir() if child.is_dir())]
        return [
            FolderFiles(root) for root in inside if any(is_marker(child.name) for child in root.iterdir())
        ]
    if path.suffix.lower() == ".tar":
        return list(find_tar_roots(path, is_marker))
    return list(find_zip_roots(path, is_marker))


def open_whole_zip(archive: Path) -> ZipFiles:
    """Return all files of a zip, by their paths in it.

    Raises
    ------
    UnsafeArchiveError
        See `sen4cap_core.archives.inspect_zip`.
    """
    return ZipFiles(archive, "", inspect_zip(archive))

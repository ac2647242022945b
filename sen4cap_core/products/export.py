"""Products taken elsewhere: files copied as they are, checked on the way, with a catalogue of their own."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from sen4cap_core.errors import Sen4capError
from sen4cap_core.files import CHUNK_BYTES, atomic_path, sha256_file
from sen4cap_core.products.catalog import rebuild_catalog
from sen4cap_core.products.stac import read_json, write_json

_SHA2_256 = "1220"  # multihash prefix: sha2-256, 32 bytes


@dataclass(frozen=True)
class Exported:
    """What was taken."""

    n_items: int
    n_files: int
    n_bytes: int
    """Of the files copied now; those that were there already are counted in ``n_files`` alone."""


def export_items(
    data_root: Path,
    items: Iterable[Path],
    target: Path,
    progress: Callable[[float], None] = lambda _: None,
) -> Exported:
    """Copy STAC items and their files below ``target``, at the same relative paths, with a catalogue.

    A file already there with the right checksum is not copied again, so that a broken export goes on. Links
    to inputs that are not in the export are dropped; their names stay in ``sen4cap:derived_from``.

    Raises
    ------
    Sen4capError
        An item or a file is missing, lies outside of the data root, or is not what its item states; the
        message names it.
    """
    if target.resolve() == data_root.resolve() or data_root.resolve() in target.resolve().parents:
        raise Sen4capError(f"{target} lies in the data root: choose a folder outside of it")
    chosen = sorted(set(items))
    n_files = n_bytes = 0
    for number, path in enumerate(chosen):
        item = _read(path)
        for asset in item["assets"].values():
            source = _inside(data_root, path.parent / unquote(asset["href"]))
            copied = _copy(source, target / source.relative_to(data_root), asset.get("file:checksum"))
            n_files += 1
            n_bytes += copied
        progress((number + 1) / len(chosen))
    taken = {path.resolve() for path in chosen}
    for path in chosen:
        item = _read(path)
        place = target / path.relative_to(data_root)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, _without_outside(item, path, taken))
    rebuild_catalog(target)
    return Exported(len(chosen), n_files, n_bytes)


def pack(folder: Path, archive: Path) -> Path:
    """Put a folder into a zip file that appears whole or not at all; return its path.

    Files are stored as they are: rasters and Parquet are compressed already.
    """
    with (
        atomic_path(archive) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as out,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                out.write(path, PurePosixPath(path.relative_to(folder)))
    return archive


def _read(path: Path) -> dict[str, Any]:
    item = read_json(path)
    if item is None:
        raise Sen4capError(f"{path} is missing. Compare tables and disk with: sen4cap check")
    return item


def _inside(data_root: Path, path: Path) -> Path:
    resolved = path.resolve()
    root = data_root.resolve()
    if root not in resolved.parents:
        raise Sen4capError(f"{path} lies outside of {data_root} and is not exported")
    return data_root / resolved.relative_to(root)


def _copy(source: Path, target: Path, checksum: str | None) -> int:
    """Copy a file unless it is there already; return the bytes copied."""
    expected = checksum.removeprefix(_SHA2_256) if checksum and checksum.startswith(_SHA2_256) else None
    if not source.is_file():
        raise Sen4capError(f"{source} is missing. Compare tables and disk with: sen4cap check")
    if target.is_file() and expected is not None and sha256_file(target) == expected:
        return 0
    digest = hashlib.sha256()
    with atomic_path(target) as temporary, source.open("rb") as read, temporary.open("wb") as write:
        while chunk := read.read(CHUNK_BYTES):
            digest.update(chunk)
            write.write(chunk)
        if expected is not None and digest.hexdigest() != expected:
            raise Sen4capError(
                f"{source} is not what its item states (checksum): damaged, or changed by hand. "
                "Delete file and item, then make the product again"
            )
    shutil.copystat(source, target)
    return target.stat().st_size


def _without_outside(item: dict[str, Any], path: Path, taken: set[Path]) -> dict[str, Any]:
    links, dropped = [], []
    for link in item["links"]:
        href = link["href"]
        is_outside = "://" not in href and (path.parent / unquote(href)).resolve() not in taken
        if link["rel"] != "derived_from" or not is_outside:
            links.append(link)
        else:
            dropped.append(link.get("title") or PurePosixPath(unquote(href)).name)
    properties = dict(item["properties"])
    if dropped:
        properties["sen4cap:derived_from"] = dropped
    return {**item, "properties": properties, "links": links}

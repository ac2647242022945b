"""Which asset of a STAC item is which band, and where its file lies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sen4cap_core.scenes.acquisition.s2_names import COMMON_NAMES, SPECTRAL_BANDS

_KEY = re.compile(r"(?P<band>B\d{1,2}A?|SCL)(?:[_-](?P<resolution>10|20|60)m)?", re.IGNORECASE)
_NOT_DATA = {"thumbnail", "overview", "visual", "metadata"}


@dataclass(frozen=True)
class BandAsset:
    """One band of an item: the asset that holds it and the band's place in the asset's file (from 1)."""

    band: str
    key: str
    asset: Mapping[str, Any]
    band_index: int

    @property
    def href(self) -> str:
        return str(self.asset.get("href", ""))


def find_bands(assets: Mapping[str, Any]) -> dict[str, BandAsset]:
    """Return band name -> asset, for spectral bands and SCL.

    An asset's key decides where it says the band (``B04``, ``B04_10m``, ``red``, ``scl``); else the names in
    ``bands`` or ``eo:bands``, by name before common name. Of several assets with one band the finest is
    taken, then an exact key (``red`` before ``red-jp2``), then the first.
    """
    found: dict[str, tuple[tuple[float, int], BandAsset]] = {}
    for key, asset in assets.items():
        if not isinstance(asset, Mapping) or _is_picture(key, asset):
            continue
        for band, index, rank in _bands_of(key, asset):
            order = (_pixel_size_m(key, asset), rank)
            if band not in found or order < found[band][0]:
                found[band] = (order, BandAsset(band, key, asset, index))
    return {band: candidate for band, (_, candidate) in sorted(found.items())}


def resolve_href(item_path: Path, href: str) -> Path:
    """Return the file an asset's ``href`` points to; it need not exist.

    Raises
    ------
    ValueError
        In words for a user: the file is elsewhere (http, s3, ...) or outside the item's folder.
    """
    parts = urlsplit(href)
    if parts.scheme and len(parts.scheme) > 1:
        raise ValueError(
            f"it points to {parts.scheme}://{parts.netloc}/..., "
            "files are read only from the item's own folder"
        )
    relative = unquote(parts.path).replace("\\", "/") if "%" in href else href.replace("\\", "/")
    if not relative.strip():
        raise ValueError("it has no href")
    folder = item_path.parent.resolve()
    target = (folder / relative).resolve()
    if relative.startswith("/") or len(parts.scheme) == 1 or not target.is_relative_to(folder):
        raise ValueError(f"it points to {href!r}, outside the item's own folder")
    return target


def _bands_of(key: str, asset: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield (band, index in the file, rank of the evidence: lower is better)."""
    by_key = _band_of_key(key)
    descriptions = _descriptions(asset)
    if by_key is not None and len(descriptions) <= 1:
        yield by_key, 1, 0
        return
    for index, description in enumerate(descriptions, start=1):
        for field in ("name", "common_name", "eo:common_name"):
            band = _band_of_key(str(description.get(field, "")))
            if band is not None:
                yield band, index, 1
                break


def _descriptions(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for name in ("bands", "eo:bands"):
        entries = asset.get(name)
        if isinstance(entries, list) and entries:
            return [entry if isinstance(entry, Mapping) else {} for entry in entries]
    return []


def _band_of_key(key: str) -> str | None:
    match = _KEY.fullmatch(key)
    if match:
        band = match["band"].upper()
        if band != "SCL" and band != "B8A":
            band = f"B{int(band[1:]):02d}" if band[1:].isdigit() else band
        return band if band == "SCL" or band in SPECTRAL_BANDS else None
    return COMMON_NAMES.get(key.lower())


def _is_picture(key: str, asset: Mapping[str, Any]) -> bool:
    roles = asset.get("roles")
    roles = {str(role) for role in roles} if isinstance(roles, list) else set()
    return key in _NOT_DATA or (bool(roles & _NOT_DATA) and "data" not in roles)


def _pixel_size_m(key: str, asset: Mapping[str, Any]) -> float:
    match = _KEY.fullmatch(key)
    if match and match["resolution"]:
        return float(match["resolution"])
    for name in ("raster:spatial_resolution", "gsd"):
        value = asset.get(name)
        if isinstance(value, int | float):
            return float(value)
    return 0.0

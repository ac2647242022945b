"""Radar products as STAC items with their assets: our own, Planetary Computer's, CDSE's, VITO's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sen4cap_core.errors import Problem, UnreadableSceneError
from sen4cap_core.scenes.acquisition.s2_names import parse_utc
from sen4cap_core.scenes.radar.s1_files import direction_at
from sen4cap_core.scenes.radar.s1_model import (
    NO_ORBIT,
    POLARISATIONS,
    Direction,
    Polarisation,
    Quantity,
    RadarBand,
    RadarDefaults,
    RadarScene,
    Scale,
)
from sen4cap_core.scenes.radar.s1_names import check_pair, match_radar
from sen4cap_core.scenes.radar.s1_orbits import relative_orbit_at, relative_orbit_of
from sen4cap_core.scenes.radar.s1_raster import RadarHeader, radar_band, read_tiff_header
from sen4cap_core.scenes.stac.stac_assets import resolve_href
from sen4cap_core.scenes.stac.stac_item import item_footprint, load_item

_QUANTITIES: tuple[Quantity, ...] = ("sigma0", "gamma0", "beta0", "coherence")
_SCALES: dict[str, Scale] = {
    "power": "power", "linear power": "power", "amplitude": "amplitude", "db": "db", "decibel": "db",
    "coherence": "coherence",
}  # fmt: skip
_KNOWN_COLLECTIONS: dict[str, tuple[Quantity, Scale]] = {"sentinel-1-rtc": ("gamma0", "power")}
"""Collections whose documentation states what all their items hold."""
_SOURCE = re.compile(r"(S1[A-D])_IW_(?:GRDH|SLC_)_1S[SD][VH]_(\d{8}T\d{6})_\d{8}T\d{6}_(\d{6})")
_TILE = re.compile(r"(?:MGRS-)?T?(\d{2}[C-X][A-Z]{2})")


@dataclass(frozen=True)
class _Place:
    """One polarisation of an item."""

    polarisation: Polarisation
    key: str
    asset: Mapping[str, Any]
    index: int
    """Of the band in its file, from 1."""

    @property
    def href(self) -> str:
        return str(self.asset.get("href", ""))

    @property
    def description(self) -> Mapping[str, Any]:
        """What the asset says of this band: raster:bands, bands, or the asset itself."""
        for name in ("raster:bands", "bands"):
            entries = self.asset.get(name)
            if isinstance(entries, list) and len(entries) >= self.index:
                entry = entries[self.index - 1]
                if isinstance(entry, Mapping) and ({"scale", "unit", "raster:scale"} & set(entry)):
                    return entry
        return self.asset


def is_radar_item(item: Mapping[str, Any]) -> bool:
    """Whether a STAC item is a Sentinel-1 product that is ready made (no SLC or GRD)."""
    properties = item["properties"]
    about = " ".join(
        str(value).lower()
        for value in (
            properties.get("platform"), properties.get("constellation"), item.get("collection"), item["id"],
        )
    )  # fmt: skip
    is_radar = (
        "sar:polarizations" in properties
        or "sar:product_type" in properties
        or "sen4cap:scale" in properties
        or bool(re.search(r"sentinel-?1|(?<![a-z0-9])s1[a-d]?(?![a-z0-9])", about.replace("_", " ")))
    )
    return is_radar and any(True for _ in _places(item["assets"]))


def lacking_assets(path: Path, item: Mapping[str, Any]) -> list[str]:
    """Return what is not whole of the assets that will be read, in words."""
    lacking = []
    for place in _places(item["assets"]):
        try:
            target = resolve_href(path, place.href)
        except ValueError:
            continue
        try:
            _header(target)
        except ValueError as error:
            lacking.append(f"{place.href}: {error}")
    return lacking


def open_radar_item(path: Path, defaults: RadarDefaults) -> RadarScene:
    """Open a radar STAC item whose assets lie in its own folder (or below); headers only.

    Own properties: ``sen4cap:quantity`` and ``sen4cap:scale``. A pair states ``start_datetime`` (earlier) and
    ``end_datetime`` (later).

    Raises
    ------
    UnreadableSceneError
        An asset is elsewhere, missing, cut short or on another grid; quantity, scale or time are not stated.
    """
    item = load_item(path)
    properties = item["properties"]
    places = list(_places(item["assets"]))
    headers = _headers(path, places)
    quantity, scale = _contents(path, item, places, defaults)
    first = headers[places[0].key]
    bands: dict[Polarisation, RadarBand] = {}
    for place in places:
        if headers[place.key].grid != first.grid:
            raise UnreadableSceneError(path, f"asset {place.key!r} lies on another grid than the first.")
        if place.index > len(headers[place.key].scales):
            raise UnreadableSceneError(path, f"asset {place.key!r} has fewer bands than its description.")
        about = place.description
        own = _SCALES.get(str(about.get("unit", "")).lower())
        bands[place.polarisation] = radar_band(
            path, place.href, str(resolve_href(path, place.href)), headers[place.key], place.index,
            place.polarisation, own or scale, defaults,
            factor=_number(about, "scale", "raster:scale"), offset=_number(about, "offset", "raster:offset"),
            is_coherence=quantity == "coherence",
        )  # fmt: skip
    started_at, acquired_at = _times(path, properties, quantity)
    source = _SOURCE.search(str(item["id"]))
    platform = _platform(properties, source)
    orbit = _orbit(properties, source, bands)
    if orbit is None:
        # Of a pair the letter may be the earlier one's or the later one's: only where both say the same.
        orbits = {relative_orbit_at(platform, at) for at in (started_at, acquired_at) if at is not None}
        orbit = orbits.pop() if len(orbits) == 1 else None
    orbit = orbit or defaults.relative_orbit_of(str(item["id"]))
    warnings = []
    if set(bands) != set(POLARISATIONS):
        only = ", ".join(pol.upper() for pol in bands)
        warnings.append(f"the item has {only} only: what needs the other polarisation is left out.")
    if orbit is None:
        warnings.append(NO_ORBIT)
    tile = _tile(item)
    when = f"{acquired_at:%Y%m%dT%H%M%S}" + (f"/{started_at:%Y%m%dT%H%M%S}" if started_at else "")
    generated = properties.get("processing:datetime") or properties.get("created")
    return RadarScene(
        product_id=str(item["id"]),
        quantity=quantity,
        platform=platform,
        acquired_at=acquired_at,
        pair_started_at=started_at,
        relative_orbit=orbit,
        orbit_direction=_direction(properties) or direction_at(acquired_at, first.grid),
        format="stac-item",
        path=path,
        acquisition_key=f"{'coherence' if started_at else 'backscatter'}/{orbit or 'stac'}/{when}",
        grid=first.grid,
        bands=bands,
        tile=tile,
        baseline=str(properties["processing:version"]) if properties.get("processing:version") else None,
        generated_at=_instant(path, generated) if generated else None,
        footprint_wkt=item_footprint(item),
        warnings=warnings,
    )


def _places(assets: Mapping[str, Any]) -> Iterator[_Place]:
    """Yield each polarisation once: by the asset's key, else by the names of its bands."""
    seen: set[str] = set()
    for key, asset in assets.items():
        if not isinstance(asset, Mapping):
            continue
        roles = asset.get("roles")
        if isinstance(roles, list) and set(map(str, roles)) & {"thumbnail", "overview", "metadata"}:
            continue
        for pol, index in _polarisations(str(key), asset):
            if pol not in seen:
                seen.add(pol)
                yield _Place(pol, str(key), asset, index)


def _polarisations(key: str, asset: Mapping[str, Any]) -> Iterator[tuple[Polarisation, int]]:
    for name in ("bands", "raster:bands", "eo:bands"):
        entries = asset.get(name)
        if isinstance(entries, list):
            named = [
                (pol, index)
                for index, entry in enumerate(entries, start=1)
                if isinstance(entry, Mapping) and (pol := _polarisation(str(entry.get("name", ""))))
            ]
            if named:
                yield from named
                return
    pol = _polarisation(key)
    if pol:
        yield pol, 1


def _polarisation(text: str) -> Polarisation | None:
    for pol in POLARISATIONS:
        if re.fullmatch(rf"(?:(?:coh|coherence|sigma0|gamma0)[_-])?{pol}", text.lower()):
            return pol
    return None


def _headers(path: Path, places: list[_Place]) -> dict[str, RadarHeader]:
    headers, problems = {}, []
    for place in places:
        try:
            headers[place.key] = _header(resolve_href(path, place.href))
        except ValueError as error:
            problems.append(Problem(f"asset {place.key!r} ({place.href}): {error}"))
    if problems:
        raise UnreadableSceneError(
            path, "VV or VH cannot be used.", problems=problems,
            expected="GeoTIFF files in the item's own folder, north up, in a projection in metres",
            remedy="download the assets beside the item, let each href name its file, and drop all together.",
        )  # fmt: skip
    return headers


def _header(target: Path) -> RadarHeader:
    if not target.is_file():
        raise ValueError("it is missing")
    with target.open("rb") as handle:
        start = handle.read(4)
    return read_tiff_header(str(target), target.stat().st_size, start)


def _contents(
    path: Path, item: Mapping[str, Any], places: list[_Place], defaults: RadarDefaults
) -> tuple[Quantity, Scale | None]:
    properties = item["properties"]
    known = _KNOWN_COLLECTIONS.get(str(item.get("collection", "")))
    stated = str(properties.get("sen4cap:quantity", "")).lower()
    if not stated:
        named = match_radar(Path(places[0].href).name)
        texts = (properties.get("sar:product_type"), properties.get("s1:product_type"), item["id"])
        about = " ".join(str(text) for text in texts if text).lower()
        stated = known[0] if known else (named.quantity or "") if named else ""
        if not stated and all(place.key.lower().startswith("coh") for place in places):
            stated = "coherence"
        stated = stated or next((q for q in _QUANTITIES if q in about), defaults.backscatter_quantity or "")
    quantity = next((q for q in _QUANTITIES if q == stated), None)
    if quantity is None:
        raise UnreadableSceneError(
            path,
            "the item does not say what it holds.",
            expected='"sen4cap:quantity" in its properties: sigma0, gamma0, beta0 or coherence',
            remedy='add it, and "sen4cap:scale" (power, amplitude or dB), or say in site.yaml what such '
            "items hold: `radar: {backscatter_quantity: gamma0, backscatter_scale: power}`; drop it again.",
        )
    text = str(properties.get("sen4cap:scale", "")).lower()
    if text and text not in _SCALES:
        raise UnreadableSceneError(
            path, f'"sen4cap:scale" is {text!r}.', expected="power, amplitude, dB or coherence"
        )
    return quantity, _SCALES[text] if text else known[1] if known else None


def _times(path: Path, properties: Mapping[str, Any], quantity: Quantity) -> tuple[datetime | None, datetime]:
    start, end, at = (properties.get(name) for name in ("start_datetime", "end_datetime", "datetime"))
    if quantity == "coherence":
        if not start or not end:
            raise UnreadableSceneError(
                path, "the item does not say of which pair it is.",
                expected='"start_datetime" (the earlier acquisition) and "end_datetime" (the later one)',
            )  # fmt: skip
        earlier, later = _instant(path, start), _instant(path, end)
        try:
            check_pair(earlier, later, has_time=True)
        except ValueError as error:
            raise UnreadableSceneError(path, f"{error}.") from error
        return earlier, later
    if not at and not start:
        raise UnreadableSceneError(path, 'the item does not say when it was taken ("datetime").')
    return None, _instant(path, at or start)


def _instant(path: Path, text: object) -> datetime:
    try:
        return parse_utc(str(text))
    except ValueError as error:
        raise UnreadableSceneError(path, f"{text!r} is not a time.") from error


def _orbit(
    properties: Mapping[str, Any],
    source: re.Match[str] | None,
    bands: Mapping[Polarisation, RadarBand],
) -> int | None:
    orbit = properties.get("sat:relative_orbit")
    if isinstance(orbit, int):
        return orbit
    if source is not None:
        return relative_orbit_of(source[1], int(source[3]))
    for band in bands.values():
        named = match_radar(Path(band.source.uri).name)
        if named is not None:
            return named.relative_orbit
    return None


def _platform(properties: Mapping[str, Any], source: re.Match[str] | None) -> str:
    text = str(properties.get("platform", "")).lower()
    found = re.search(r"(?:sentinel-?1|s1)([a-d])", text)
    if found:
        return f"S1{found[1].upper()}"
    return source[1] if source else "S1"


def _direction(properties: Mapping[str, Any]) -> Direction | None:
    text = str(properties.get("sat:orbit_state", "")).lower()
    return "ascending" if text == "ascending" else "descending" if text == "descending" else None


def _tile(item: Mapping[str, Any]) -> str | None:
    for text in (item["properties"].get("grid:code"), item["properties"].get("s2:mgrs_tile")):
        found = _TILE.fullmatch(str(text or ""))
        if found:
            return found[1]
    return None


def _number(about: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        value = about.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None

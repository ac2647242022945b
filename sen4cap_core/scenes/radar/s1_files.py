"""The files of radar products that are told by their names: GeoTIFFs in a folder or in a zip."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from pyproj import Transformer

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.files.product_files import FolderFiles, ProductFiles
from sen4cap_core.scenes.files.tiff_tags import SNAP_METADATA, text_tag
from sen4cap_core.scenes.radar.s1_model import (
    NO_DIRECTION,
    NO_ORBIT,
    POLARISATIONS,
    Direction,
    Polarisation,
    RadarBand,
    RadarDefaults,
    RadarMask,
    RadarScene,
)
from sen4cap_core.scenes.radar.s1_names import RadarName, match_radar
from sen4cap_core.scenes.radar.s1_orbits import relative_orbit_at
from sen4cap_core.scenes.radar.s1_raster import (
    RadarHeader,
    backscatter_quantity,
    radar_band,
    read_tiff_header,
)
from sen4cap_core.scenes.radar.s1_sidecars import Sidecar, read_sidecar, read_snap_metadata, sidecars_of

_VALID_MASK = {"opera-rtc": (0,), "hyp3-rtc": (1,)}
"""OPERA: 0 is neither layover, shadow nor beyond the burst. HyP3: 1 is seen by the radar and neither."""
_MAX_SIDECAR_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class RadarGroup:
    """The files of one product: VV, VH and mask share a stem."""

    stem: str
    files: dict[str, str]
    """Layer -> file name inside its `ProductFiles`; layers that are not read are not in it."""
    others: tuple[str, ...]
    """Files that belong to the product and are not read."""
    name: RadarName
    """What the name of its first polarisation says."""

    @property
    def main(self) -> str:
        """The file the product is known by: its first polarisation."""
        return self.files[_first_layer(self.files)]


def group_files(names: Iterable[str]) -> list[RadarGroup]:
    """Find radar products among file names; names that state impossible dates are grouped as well.

    A product without any polarisation that is read (HH alone, or an incidence angle map) makes no group.
    """
    found: dict[str, dict[str, str]] = {}
    parsed: dict[str, RadarName] = {}
    others: dict[str, list[str]] = {}
    names = sorted(names)
    for name in names:
        radar = _match(name)
        if radar is None:
            continue
        stem = str(PurePosixPath(name).parent / radar.stem)
        if radar.layer == "other":
            others.setdefault(stem, []).append(name)
            continue
        found.setdefault(stem, {})[radar.layer] = name
        parsed.setdefault(stem, radar)
    groups = []
    for stem, files in found.items():
        if set(files) <= {"mask"}:
            continue
        radar = _match(files[_first_layer(files)])
        assert radar is not None
        groups.append(RadarGroup(radar.stem, files, tuple(others.get(stem, ())), radar))
    return groups


def _first_layer(files: dict[str, str]) -> str:
    return next(layer for layer in (*POLARISATIONS, "multi") if layer in files)


def _match(name: str) -> RadarName | None:
    base = PurePosixPath(name).name
    try:
        return match_radar(base)
    except ValueError:
        return None


def open_group(files: ProductFiles, group: RadarGroup, dropped: Path, defaults: RadarDefaults) -> RadarScene:
    """Open one product: headers only, no pixel is decoded.

    Raises
    ------
    UnreadableSceneError
        A file is cut short or on another grid than the others, or a scale is not known.
    """
    name, problems = group.name, []
    headers: dict[str, RadarHeader] = {}
    for layer, file in group.files.items():
        try:
            headers[layer] = read_tiff_header(files.uri(file), files.size(file), files.head(file, 4))
        except ValueError as error:
            problems.append(Problem(f"{PurePosixPath(file).name}: {error}"))
    if problems:
        raise UnreadableSceneError(
            dropped, "this radar product cannot be read.", problems=problems,
            expected="whole GeoTIFF files of one product, north up, in a projection in metres",
            remedy="copy or download the product again, or export it anew, and drop all its files together.",
        )  # fmt: skip
    first = headers[_first_layer(group.files)]
    quantity = name.quantity or backscatter_quantity(dropped, PurePosixPath(group.main).name, defaults)
    warnings: list[str] = []
    bands = _bands(files, group, headers, dropped, defaults)
    for band in bands.values():
        if band.source.grid != first.grid:
            raise UnreadableSceneError(
                dropped,
                f"{band.source.name} lies on another grid than {PurePosixPath(group.main).name}.",
                remedy="drop files of one and the same run of the producer.",
            )
    if set(bands) != set(POLARISATIONS):
        only = ", ".join(pol.upper() for pol in bands)
        warnings.append(f"the product has {only} only: what needs the other polarisation is left out.")
    direction, platform_orbit = _orbit(files, group, first.grid, defaults)
    if platform_orbit is None:
        warnings.append(NO_ORBIT)
    if direction is None:
        warnings.append(NO_DIRECTION)
    return RadarScene(
        product_id=group.stem,
        quantity=quantity,
        platform=name.platform,
        acquired_at=name.acquired_at,
        pair_started_at=name.pair_started_at,
        relative_orbit=platform_orbit,
        orbit_direction=direction,
        format=name.family,
        path=dropped,
        acquisition_key=f"{'coherence' if quantity == 'coherence' else 'backscatter'}/{name.key}",
        grid=first.grid,
        bands=bands,
        mask=_mask(files, group, headers, first.grid, dropped),
        tile=name.tile,
        baseline=name.version,
        generated_at=name.generated_at,
        warnings=warnings,
    )


def open_loose(path: Path, defaults: RadarDefaults) -> list[RadarScene]:
    """Open a GeoTIFF and the files of its product that lie beside it.

    Raises BadUploadError where the name is none we know, UnreadableSceneError as `open_group`.
    """
    files = FolderFiles(path.parent)
    try:
        name = match_radar(path.name)
    except ValueError as error:
        raise UnreadableSceneError(path, f"{error}.") from error
    if name is None:
        raise BadUploadError(
            path,
            "the name of this file is none of a radar product.",
            expected="its producer's name (OPERA, HyP3, SNAP, Sen4CAP ...), or a STAC item beside it",
        )
    siblings = group_files(entry.name for entry in path.parent.iterdir() if entry.is_file())
    for group in siblings:
        if path.name in group.files.values():
            return [open_group(files, group, path, defaults)]
    raise BadUploadError(
        path, "this is a layer of a radar product whose VV or VH is not here.",
        remedy="drop the product's files together.",
    )  # fmt: skip


def open_packed(files: ProductFiles, defaults: RadarDefaults) -> list[RadarScene]:
    """Open all radar products of a zip or folder."""
    return [open_group(files, group, files.dropped, defaults) for group in group_files(files.names())]


def _bands(
    files: ProductFiles,
    group: RadarGroup,
    headers: dict[str, RadarHeader],
    dropped: Path,
    defaults: RadarDefaults,
) -> dict[Polarisation, RadarBand]:
    name, bands = group.name, {}
    places: list[tuple[Polarisation, str, int]] = [
        (pol, pol, 1) for pol in POLARISATIONS if pol in group.files
    ]
    if "multi" in group.files:
        order = band_order(headers["multi"].names, defaults)
        if order is None:
            raise UnreadableSceneError(
                dropped,
                "the file does not say which of its bands is which polarisation.",
                remedy="say it in site.yaml: `radar: {band_order: [vv, vh]}`, and drop the product again.",
            )
        places = [(pol, "multi", index) for index, pol in order if index <= len(headers["multi"].scales)]
    for pol, layer, index in places:
        file = group.files[layer]
        bands[pol] = radar_band(
            dropped, PurePosixPath(file).name, files.uri(file), headers[layer], index, pol, name.scale,
            defaults, is_coherence=name.quantity == "coherence",
        )  # fmt: skip
    return bands


def band_order(descriptions: Iterable[str], defaults: RadarDefaults) -> list[tuple[int, Polarisation]] | None:
    """Return (band from 1, polarisation): what the bands are called, else what site.yaml says."""
    named = [
        (index, pol)
        for index, text in enumerate(descriptions, start=1)
        for pol in POLARISATIONS
        if re.search(rf"(?<![a-z]){pol}(?![a-z])", text.lower())
    ]
    if named:
        return named
    return list(enumerate(defaults.band_order, start=1)) if defaults.band_order else None


def _mask(
    files: ProductFiles, group: RadarGroup, headers: dict[str, RadarHeader], grid: Grid, dropped: Path
) -> RadarMask | None:
    if "mask" not in group.files:
        return None
    file = group.files["mask"]
    if headers["mask"].grid != grid:
        raise UnreadableSceneError(dropped, f"its mask {PurePosixPath(file).name} lies on another grid.")
    band = radar_band(
        dropped, PurePosixPath(file).name, files.uri(file),
        replace(headers["mask"], is_float=(True,)), 1, "vv", "power", RadarDefaults(),
    )  # fmt: skip
    return RadarMask(band.source, _VALID_MASK[group.name.family])


def _orbit(
    files: ProductFiles, group: RadarGroup, grid: Grid, defaults: RadarDefaults
) -> tuple[Direction | None, int | None]:
    """Return what the name says, then what lies beside or in the file, then what follows from the time."""
    name, about = group.name, _sidecar(files, group)
    if name.family == "snap" and None in (about.relative_orbit, about.orbit_direction):
        about = about.or_else(_inside(files, group.main))
    orbit = name.relative_orbit or about.relative_orbit
    if orbit is None and name.flown is not None:
        orbit = relative_orbit_at(*name.flown)
    if orbit is None:
        orbit = defaults.relative_orbit_of(PurePosixPath(group.main).name)
    direction = about.orbit_direction or name.orbit_direction
    moment = name.acquired_at if name.has_time else name.flown[1] if name.flown else None
    if direction is None and moment is not None:
        direction = direction_at(moment, grid)
    if direction is None and orbit is not None:
        direction = defaults.orbit_directions.get(orbit)
    return direction, orbit


def _inside(files: ProductFiles, name: str) -> Sidecar:
    """Return what SNAP wrote into a GeoTIFF."""
    document = text_tag(lambda offset, n_bytes: files.peek(name, offset, n_bytes), SNAP_METADATA)
    return read_snap_metadata(document, name) if document else Sidecar()


def direction_at(acquired_at: datetime, grid: Grid) -> Direction:
    """Return the orbit direction from the local solar time.

    Sentinel-1 flies along the day's terminator: it crosses the equator northwards at 18:00 and southwards at
    06:00 local solar time; up to 75 degrees of latitude the passes stay in these halves of the day.
    """
    west, south, east, north = grid.bounds_m
    to_degrees = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    longitude, _ = to_degrees.transform((west + east) / 2, (south + north) / 2)
    hours = (acquired_at.hour + acquired_at.minute / 60 + longitude / 15) % 24
    return "ascending" if hours >= 12 else "descending"


def _sidecar(files: ProductFiles, group: RadarGroup) -> Sidecar:
    """Read what the producer wrote beside its rasters, where it is there."""
    folder = PurePosixPath(group.main).parent
    found = Sidecar()
    for name in sidecars_of(PurePosixPath(group.main).name, group.stem):
        path = str(folder / name)
        size = files.size(path)
        if size and size <= _MAX_SIDECAR_BYTES:
            found = found.or_else(read_sidecar(files.read(path), name))
    return found

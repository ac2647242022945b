"""Radar products in SNAP's own format, BEAM-DIMAP: a ``.dim`` and its ``.data`` folder. CARD-BS is one.

They lie in a folder or in a zip, where they are read in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.scenes.files.product_files import FolderFiles, ProductFiles
from sen4cap_core.scenes.radar.s1_files import direction_at
from sen4cap_core.scenes.radar.s1_model import (
    NO_DIRECTION,
    NO_ORBIT,
    POLARISATIONS,
    Polarisation,
    Quantity,
    RadarBand,
    RadarDefaults,
    RadarScene,
    Scale,
)
from sen4cap_core.scenes.radar.s1_names import check_pair, instant
from sen4cap_core.scenes.radar.s1_orbits import relative_orbit_at
from sen4cap_core.scenes.radar.s1_raster import radar_band, read_header
from sen4cap_core.scenes.radar.s1_sidecars import snap_attributes, snap_orbit, snap_platform
from sen4cap_core.xmlsafe import parse_xml

_BACKSCATTER = re.compile(r"(?P<quantity>Sigma0|Gamma0|Beta0)_(?P<pol>VV|VH)(?P<db>_db)?")
_COHERENCE = re.compile(
    r"coh_(?:IW\d_)?(?P<pol>VV|VH)_(?P<first>\d{2}[A-Z][a-z]{2}\d{4})_(?P<second>\d{2}[A-Z][a-z]{2}\d{4})"
)
_BYTES = {"float32": 4, "float64": 8, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int8": 1, "uint8": 1}
_MAX_DIM_BYTES = 64 * 1024**2
_SCALED = {"SCALING_FACTOR": 1.0, "SCALING_OFFSET": 0.0}


@dataclass(frozen=True)
class _Band:
    """One band that the ``.dim`` lists and we read."""

    name: str
    polarisation: Polarisation
    quantity: Quantity
    scale: Scale
    factor: float
    offset: float
    nodata: float | None
    n_bytes: int
    dates: tuple[str, str] | None


@dataclass(frozen=True)
class _Product:
    """A ``.dim`` among the files it lies with."""

    files: ProductFiles
    name: str
    """Path of the ``.dim`` in them."""
    dropped: Path
    document: Element
    defaults: RadarDefaults

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    def image(self, band: _Band) -> str:
        """Path of a band's numbers."""
        return f"{self.name.removesuffix(PurePosixPath(self.name).suffix)}.data/{band.name}.img"

    def fault(self, band: _Band) -> str | None:
        """What is wrong with a band's files, in words."""
        image = self.image(band)
        size = self.files.size(image)
        if size is None or self.files.size(f"{image.removesuffix('.img')}.hdr") is None:
            return "it or its .hdr is missing"
        needed = _n_pixels(self.document) * band.n_bytes
        return f"it is cut short: {size} bytes are there, {needed} are needed" if size < needed else None


def is_dimap(path: Path) -> bool:
    """Whether a file is a ``.dim`` with its ``.data`` folder named after it."""
    return path.suffix.lower() == ".dim" and path.is_file()


def packed_dimaps(names: Iterable[str]) -> list[str]:
    """Return the ``.dim`` files among an archive's names that have bands in the folder named after them."""
    names = list(names)
    folders = {str(PurePosixPath(name).parent) for name in names if name.lower().endswith(".img")}
    return sorted(n for n in names if n.lower().endswith(".dim") and f"{n[:-4]}.data" in folders)


def data_folder(path: Path) -> Path:
    """Return the folder of a ``.dim``'s bands."""
    return path.with_suffix(".data")


def lacking_of_dimap(path: Path) -> list[str]:
    """Return what is not whole of the bands that will be read, in words."""
    try:
        product = _Product(FolderFiles(path.parent), path.name, path, parse_xml(path), RadarDefaults())
    except BadUploadError as error:
        return [f"{path.name}: {error.what}"]
    faults = ((band.name, product.fault(band)) for band in _bands(product.document))
    return [f"{name}.img: {fault}" for name, fault in faults if fault]


def open_dimap(path: Path, defaults: RadarDefaults) -> list[RadarScene]:
    """Open the backscatter and the coherence of a DIMAP product in a folder; headers only.

    Raises
    ------
    UnreadableSceneError
        A band is missing, cut short or in a projection of degrees; or no time is stated.
    BadUploadError
        It is not XML, or holds no calibrated VV or VH.
    """
    return _open(_Product(FolderFiles(path.parent), path.name, path, parse_xml(path), defaults))


def open_packed_dimaps(files: ProductFiles, defaults: RadarDefaults) -> list[RadarScene]:
    """Open all DIMAP products of a zip; raises as `open_dimap`."""
    scenes: list[RadarScene] = []
    for name in packed_dimaps(files.names()):
        size = files.size(name)
        if size is None or size > _MAX_DIM_BYTES:
            raise UnreadableSceneError(files.dropped, f"{name} has {size} bytes, no metadata has as many.")
        document = parse_xml(files.read(name), name=f"{files.dropped.name}/{name}")
        scenes += _open(_Product(files, name, files.dropped, document, defaults))
    return scenes


def _open(product: _Product) -> list[RadarScene]:
    bands = list(_bands(product.document))
    if not bands:
        raise BadUploadError(
            product.dropped,
            "no band in it is calibrated backscatter or coherence in VV or VH.",
            expected="bands such as Gamma0_VV, Sigma0_VH_db or coh_VV_12Jun2019_18Jun2019",
        )
    attributes = snap_attributes(product.document)
    scenes = []
    for quantity in dict.fromkeys(band.quantity for band in bands):
        chosen = [band for band in bands if band.quantity == quantity]
        # Of power and decibel of one quantity, power.
        chosen.sort(key=lambda band: band.scale == "db")
        scenes.append(_scene(product, quantity, chosen, attributes))
    return scenes


def _scene(
    product: _Product, quantity: Quantity, bands: list[_Band], attributes: dict[str, str]
) -> RadarScene:
    problems, found = [], {}
    for band in bands:
        if band.polarisation in found:
            continue
        fault = product.fault(band)
        try:
            if fault is None:
                found[band.polarisation] = _read(product, band)
        except ValueError as error:
            fault = str(error)
        if fault is not None:
            problems.append(Problem(f"{band.name}.img: {fault}"))
    if problems:
        raise UnreadableSceneError(
            product.dropped, "bands of this product cannot be read.", problems=problems,
            remedy="copy the .dim and its whole .data folder again, or export them anew.",
        )  # fmt: skip
    grid = next(iter(found.values())).source.grid
    earlier, later = _times(product, bands[0], attributes)
    flown = _first_line(attributes) if earlier else later
    about, platform = snap_orbit(attributes), snap_platform(attributes)
    orbit, direction = about.relative_orbit, about.orbit_direction
    if flown is not None:
        orbit = orbit or relative_orbit_at(platform, flown)
        direction = direction or direction_at(flown, grid)
    orbit = orbit or product.defaults.relative_orbit_of(product.stem)
    if direction is None and orbit is not None:
        direction = product.defaults.orbit_directions.get(orbit)
    warnings = [text for text, known in ((NO_ORBIT, orbit), (NO_DIRECTION, direction)) if known is None]
    when = f"{later:%Y%m%dT%H%M%S}" + (f"/{earlier:%Y%m%dT%H%M%S}" if earlier else "")
    return RadarScene(
        product_id=product.stem if earlier is None else f"{product.stem}_coh",
        quantity=quantity,
        platform=platform,
        acquired_at=later,
        pair_started_at=earlier,
        relative_orbit=orbit,
        orbit_direction=direction,
        format="dimap",
        path=product.dropped,
        acquisition_key=f"{'coherence' if earlier else 'backscatter'}/{orbit or 'dimap'}/{when}",
        grid=grid,
        bands={pol: found[pol] for pol in POLARISATIONS if pol in found},
        warnings=warnings,
    )


def _read(product: _Product, band: _Band) -> RadarBand:
    name = product.image(band)
    uri = product.files.uri(name)
    header = read_header(uri)
    read = radar_band(
        product.dropped, PurePosixPath(name).name, uri, header, 1, band.polarisation, band.scale,
        product.defaults, factor=band.factor, offset=band.offset, is_coherence=band.quantity == "coherence",
    )  # fmt: skip
    nodata = band.nodata if band.nodata is not None else read.source.nodata
    source = type(read.source)(**{**vars(read.source), "nodata": nodata})
    return RadarBand(read.polarisation, source, read.scale)


def _bands(root: Element) -> Iterator[_Band]:
    quantities: dict[str, Quantity] = {"Sigma0": "sigma0", "Gamma0": "gamma0", "Beta0": "beta0"}
    for info in root.iter("Spectral_Band_Info"):
        name = (info.findtext("BAND_NAME") or "").strip()
        backscatter, coherence = _BACKSCATTER.fullmatch(name), _COHERENCE.fullmatch(name)
        found = backscatter or coherence
        if found is None:
            continue
        nodata = None
        if (info.findtext("NO_DATA_VALUE_USED") or "").strip().lower() == "true":
            nodata = _number(info.findtext("NO_DATA_VALUE"), 0.0)
        scale: Scale = "coherence" if coherence else "db" if found["db"] else "power"
        yield _Band(
            name,
            "vv" if found["pol"] == "VV" else "vh",
            "coherence" if coherence else quantities[found["quantity"]],
            scale,
            _number(info.findtext("SCALING_FACTOR"), _SCALED["SCALING_FACTOR"]),
            _number(info.findtext("SCALING_OFFSET"), _SCALED["SCALING_OFFSET"]),
            nodata,
            _BYTES.get((info.findtext("DATA_TYPE") or "").strip().lower(), 4),
            (coherence["first"], coherence["second"]) if coherence else None,
        )


def _times(product: _Product, band: _Band, attributes: dict[str, str]) -> tuple[datetime | None, datetime]:
    if band.dates is not None:
        try:
            earlier, later = sorted((instant(band.dates[0]), instant(band.dates[1])))
            check_pair(earlier, later, has_time=False)
        except ValueError as error:
            raise UnreadableSceneError(product.dropped, f"band {band.name}: {error}.") from error
        return earlier, later
    stated = _first_line(attributes)
    if stated is not None:
        return None, stated
    named = re.search(r"\d{8}T\d{6}", product.stem)
    if named is None:
        raise UnreadableSceneError(
            product.dropped, "it does not say when it was taken.",
            expected="first_line_time in its metadata, or a time such as 20220104T164312 in its name",
        )  # fmt: skip
    return None, instant(named[0])


def _first_line(attributes: dict[str, str]) -> datetime | None:
    text = attributes.get("first_line_time", "")
    try:
        # 04-JAN-2022 16:43:12.123456
        return datetime.strptime(text.title().split(".")[0], "%d-%b-%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _n_pixels(root: Element) -> int:
    dimensions = root.find("Raster_Dimensions")
    if dimensions is None:
        return 0
    return int(_number(dimensions.findtext("NCOLS"), 0) * _number(dimensions.findtext("NROWS"), 0))


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float((text or "").strip())
    except ValueError:
        return otherwise

"""Radar products in SNAP's own format, BEAM-DIMAP: a ``.dim`` and its ``.data`` folder. CARD-BS is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.scenes.s1_files import direction_at
from sen4cap_core.scenes.s1_model import (
    POLARISATIONS,
    Direction,
    Polarisation,
    Quantity,
    RadarBand,
    RadarDefaults,
    RadarScene,
    Scale,
)
from sen4cap_core.scenes.s1_names import check_pair, instant
from sen4cap_core.scenes.s1_raster import radar_band, read_header
from sen4cap_core.xmlsafe import parse_xml

_BACKSCATTER = re.compile(r"(?P<quantity>Sigma0|Gamma0|Beta0)_(?P<pol>VV|VH)(?P<db>_db)?")
_COHERENCE = re.compile(
    r"coh_(?:IW\d_)?(?P<pol>VV|VH)_(?P<first>\d{2}[A-Z][a-z]{2}\d{4})_(?P<second>\d{2}[A-Z][a-z]{2}\d{4})"
)
_BYTES = {"float32": 4, "float64": 8, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int8": 1, "uint8": 1}
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


def is_dimap(path: Path) -> bool:
    """Whether a file is a ``.dim`` with its ``.data`` folder named after it."""
    return path.suffix.lower() == ".dim" and path.is_file()


def data_folder(path: Path) -> Path:
    """Return the folder of a ``.dim``'s bands."""
    return path.with_suffix(".data")


def lacking_of_dimap(path: Path) -> list[str]:
    """Return what is not whole of the bands that will be read, in words."""
    try:
        root = parse_xml(path)
    except BadUploadError as error:
        return [f"{path.name}: {error.what}"]
    n_pixels = _n_pixels(root)
    return [f"{band.name}.img: {fault}" for band in _bands(root) if (fault := _fault(path, band, n_pixels))]


def open_dimap(path: Path, defaults: RadarDefaults) -> list[RadarScene]:
    """Open the backscatter and the coherence of a DIMAP product; headers only.

    Raises
    ------
    UnreadableSceneError
        A band is missing, cut short or in a projection of degrees; or no time is stated.
    BadUploadError
        It is not XML, or holds no calibrated VV or VH.
    """
    root = parse_xml(path)
    bands = list(_bands(root))
    if not bands:
        raise BadUploadError(
            path,
            "no band in it is calibrated backscatter or coherence in VV or VH.",
            expected="bands such as Gamma0_VV, Sigma0_VH_db or coh_VV_12Jun2019_18Jun2019",
        )
    attributes = {str(element.get("name")): (element.text or "").strip() for element in root.iter("MDATTR")}
    scenes = []
    for quantity in dict.fromkeys(band.quantity for band in bands):
        chosen = [band for band in bands if band.quantity == quantity]
        # Of power and decibel of one quantity, power.
        chosen.sort(key=lambda band: band.scale == "db")
        scenes.append(_scene(path, root, quantity, chosen, attributes, defaults))
    return scenes


def _scene(
    path: Path,
    root: Element,
    quantity: Quantity,
    bands: list[_Band],
    attributes: dict[str, str],
    defaults: RadarDefaults,
) -> RadarScene:
    n_pixels = _n_pixels(root)
    problems, found = [], {}
    for band in bands:
        if band.polarisation in found:
            continue
        image = data_folder(path) / f"{band.name}.img"
        fault = _fault(path, band, n_pixels)
        try:
            if fault is None:
                found[band.polarisation] = _read(path, image, band, defaults)
        except ValueError as error:
            fault = str(error)
        if fault is not None:
            problems.append(Problem(f"{band.name}.img: {fault}"))
    if problems:
        raise UnreadableSceneError(
            path, "bands of this product cannot be read.", problems=problems,
            remedy="copy the .dim and its whole .data folder again, or export them anew.",
        )  # fmt: skip
    grid = next(iter(found.values())).source.grid
    earlier, later = _times(path, bands[0], attributes)
    orbit_text = attributes.get("REL_ORBIT", "")
    orbit = int(orbit_text) if orbit_text.isdigit() else None
    has_time = earlier is None
    direction = _direction(attributes.get("PASS", ""))
    if direction is None and has_time:
        direction = direction_at(later, grid)
    if direction is None and orbit is not None:
        direction = defaults.orbit_directions.get(orbit)
    when = f"{later:%Y%m%dT%H%M%S}" + (f"/{earlier:%Y%m%dT%H%M%S}" if earlier else "")
    return RadarScene(
        product_id=path.stem if earlier is None else f"{path.stem}_coh",
        quantity=quantity,
        platform=attributes.get("MISSION", "S1").replace("SENTINEL-1", "S1"),
        acquired_at=later,
        pair_started_at=earlier,
        relative_orbit=orbit,
        orbit_direction=direction,
        format="dimap",
        path=path,
        acquisition_key=f"{'coherence' if earlier else 'backscatter'}/{orbit or 'dimap'}/{when}",
        grid=grid,
        bands={pol: found[pol] for pol in POLARISATIONS if pol in found},
        warnings=[] if orbit else ["its relative orbit is not stated: series by orbit keep it apart."],
    )


def _read(path: Path, image: Path, band: _Band, defaults: RadarDefaults) -> RadarBand:
    header = read_header(str(image))
    read = radar_band(
        path, image.name, str(image), header, 1, band.polarisation, band.scale, defaults,
        factor=band.factor, offset=band.offset, is_coherence=band.quantity == "coherence",
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


def _times(path: Path, band: _Band, attributes: dict[str, str]) -> tuple[datetime | None, datetime]:
    if band.dates is not None:
        try:
            earlier, later = sorted((instant(band.dates[0]), instant(band.dates[1])))
            check_pair(earlier, later, has_time=False)
        except ValueError as error:
            raise UnreadableSceneError(path, f"band {band.name}: {error}.") from error
        return earlier, later
    text = attributes.get("first_line_time", "")
    try:
        # 04-JAN-2022 16:43:12.123456
        return None, datetime.strptime(text.title().split(".")[0], "%d-%b-%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    named = re.search(r"\d{8}T\d{6}", path.stem)
    if named is None:
        raise UnreadableSceneError(
            path, "it does not say when it was taken.",
            expected="first_line_time in its metadata, or a time such as 20220104T164312 in its name",
        )  # fmt: skip
    return None, instant(named[0])


def _direction(text: str) -> Direction | None:
    text = text.upper()
    return "ascending" if text.startswith("ASC") else "descending" if text.startswith("DES") else None


def _n_pixels(root: Element) -> int:
    dimensions = root.find("Raster_Dimensions")
    if dimensions is None:
        return 0
    return int(_number(dimensions.findtext("NCOLS"), 0) * _number(dimensions.findtext("NROWS"), 0))


def _fault(path: Path, band: _Band, n_pixels: int) -> str | None:
    image = data_folder(path) / f"{band.name}.img"
    if not image.is_file() or not image.with_suffix(".hdr").is_file():
        return "it or its .hdr is missing"
    size = image.stat().st_size
    if size < n_pixels * band.n_bytes:
        return f"it is cut short: {size} bytes are there, {n_pixels * band.n_bytes} are needed"
    return None


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float((text or "").strip())
    except ValueError:
        return otherwise

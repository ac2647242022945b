"""A Sentinel-1 product as it was dropped: folder or zip, read in place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

import shapely
from shapely.geometry.base import BaseGeometry

from sen4cap_core.errors import (
    BadUploadError,
    IncompleteArchiveError,
    UnreadableSceneError,
    UnsafeArchiveError,
)
from sen4cap_core.scenes.completeness import Completeness
from sen4cap_core.scenes.files.product_files import FolderFiles, ProductFiles, find_safe_roots
from sen4cap_core.sentinel1.annotation import Annotation, read_annotation
from sen4cap_core.sentinel1.luts import Lut, read_calibration, read_noise
from sen4cap_core.xmlsafe import local_name, parse_xml

MANIFEST = "manifest.safe"
PRODUCT_NAME = re.compile(
    r"(?P<platform>S1[A-D])_IW_(?P<type>SLC|GRD)(?P<res>[HF_])_1S(?P<pols>[SD][VH])_(?P<start>\d{8}T\d{6})"
    r"_(?P<stop>\d{8}T\d{6})_(?P<orbit>\d{6})_(?P<datatake>[0-9A-F]{6})_(?P<unique>[0-9A-F]{4})",
    re.IGNORECASE,
)
# The Copernicus Data Space has GRD products as cloud-optimised files besides: "-cog" at the end of all names.
_ANNOTATION = re.compile(
    r"annotation/(s1[a-d]-(?P<swath>iw[123]?)-(slc|grd)-(?P<pol>vv|vh|hh|hv)-[0-9t-]+-[0-9a-f]{6}-\d{3}(-cog)?)\.xml",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(\d{1,3})\.(\d{2})")
POLARISATIONS = ("VV", "VH")
"""Those that parcels are observed in."""
REMEDY = "copy or download the product again."


@dataclass(frozen=True)
class SwathFiles:
    """The files of one swath (``IW`` as a whole in a GRD product) and polarisation."""

    swath: str
    polarisation: str
    annotation: str
    calibration: str
    noise: str
    measurement: str


@dataclass(frozen=True)
class Product:
    """A product whose manifest has been read; nothing else yet."""

    name: str
    platform: str
    kind: Literal["SLC", "GRD"]
    start: datetime
    stop: datetime
    relative_orbit: int
    direction: str
    footprint: BaseGeometry
    """Longitude and latitude; across the antimeridian longitudes go beyond 180."""
    swaths: list[SwathFiles]
    files: ProductFiles
    ipf: tuple[int, int] | None
    """Version of the processor that made it, where the manifest says."""

    @property
    def polarisations(self) -> list[str]:
        """Of `POLARISATIONS`, those the product has."""
        return [p for p in POLARISATIONS if any(s.polarisation == p for s in self.swaths)]

    def annotation(self, swath: SwathFiles) -> Annotation:
        """Read the annotation of a swath."""
        return read_annotation(self.files.read(swath.annotation), self._name(swath.annotation))

    def calibration(
        self, swath: SwathFiles, annotation: Annotation, quantities: tuple[str, ...]
    ) -> dict[str, Lut]:
        """Read the calibration tables of a swath."""
        name = self._name(swath.calibration)
        shape = (annotation.n_lines, annotation.n_samples)
        return read_calibration(self.files.read(swath.calibration), name, *shape, quantities)

    def noise(self, swath: SwathFiles, annotation: Annotation) -> Lut:
        """Read the noise table of a swath."""
        name = self._name(swath.noise)
        return read_noise(self.files.read(swath.noise), name, annotation.n_lines, annotation.n_samples)

    def _name(self, file: str) -> str:
        return f"{self.name}/{PurePosixPath(file).name}"


def is_product(path: Path) -> bool:
    """Whether a folder or zip is named as an SLC or GRD product in interferometric wide swath mode."""
    return PRODUCT_NAME.match(path.name) is not None


def product_completeness(path: Path) -> Completeness | None:
    """Say what a radar product still waits for; None for whatever is none."""
    if not is_product(path):
        return None
    try:
        open_product(path)
    except UnreadableSceneError as error:
        return Completeness(lacking=[error.what]) if "missing" in error.what else Completeness()
    except UnsafeArchiveError as error:
        complete = not isinstance(error, IncompleteArchiveError)
        return Completeness() if complete else Completeness(lacking=[error.what])
    except BadUploadError:
        # Waiting does not mend it; whoever opens it says what is wrong.
        return Completeness()
    return Completeness()


def open_product(path: Path) -> Product:
    """Read the manifest and check that all files it implies are there.

    Raises
    ------
    UnreadableSceneError
        The manifest, the annotation, calibration, noise or measurement of a swath is missing; or the product
        has neither VV nor VH.
    UnsafeArchiveError
        The zip is not safe to read.
    """
    files: ProductFiles
    if path.is_dir():
        files = FolderFiles(path)
    else:
        roots = find_safe_roots(path, (MANIFEST,))
        if len(roots) != 1:
            raise UnreadableSceneError(
                path, f"it holds {len(roots)} files {MANIFEST}, a product has one.", remedy=REMEDY
            )
        files = roots[0]
    if files.size(MANIFEST) is None:
        raise UnreadableSceneError(path, f"{MANIFEST} is missing.", remedy=REMEDY)
    match = PRODUCT_NAME.match(files.root_name) or PRODUCT_NAME.match(path.name)
    if match is None:
        raise BadUploadError(
            path,
            "this is not named as an SLC or GRD product in interferometric wide swath mode.",
            expected="S1A_IW_SLC__1SDV_... or S1A_IW_GRDH_1SDV_...",
            remedy="keep the name under which it was published.",
        )
    manifest = _Manifest(files.read(MANIFEST), f"{path.name}/{MANIFEST}")
    kind: Literal["SLC", "GRD"] = "SLC" if match["type"].upper() == "SLC" else "GRD"
    product = Product(
        name=match[0],
        platform=match["platform"].upper(),
        kind=kind,
        start=manifest.time("startTime"),
        stop=manifest.time("stopTime"),
        relative_orbit=manifest.whole_number("relativeOrbitNumber"),
        direction=manifest.first("pass").lower(),
        footprint=_footprint(manifest.first("coordinates"), path.name),
        swaths=_swaths(files, path, manifest.swaths if kind == "SLC" else ["IW"], manifest.polarisations),
        files=files,
        ipf=manifest.ipf,
    )
    if not product.polarisations:
        raise UnreadableSceneError(
            path,
            f"it has {' and '.join(manifest.polarisations)} only.",
            expected="VV, or VV and VH",
            remedy="order products of the polarisation 1SDV or 1SSV.",
        )
    return product


class _Manifest:
    """Values of the manifest by the local names of its elements."""

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._values: dict[str, list[str]] = {}
        self.ipf: tuple[int, int] | None = None
        for element in parse_xml(content, name=name).iter():
            if local_name(element) == "software" and "IPF" in element.get("name", ""):
                version = _VERSION.fullmatch(element.get("version", ""))
                self.ipf = (int(version[1]), int(version[2])) if version else self.ipf
            text = (element.text or "").strip()
            if text:
                self._values.setdefault(local_name(element), []).append(text)

    def first(self, key: str) -> str:
        if not self._values.get(key):
            raise UnreadableSceneError(self._name, f"it has no {key}.", remedy=REMEDY)
        return self._values[key][0]

    def whole_number(self, key: str) -> int:
        text = self.first(key)
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise UnreadableSceneError(
                self._name, f"{key} is {text[:40]!r}.", expected="a whole number", remedy=REMEDY
            )
        return int(text)

    def time(self, key: str) -> datetime:
        try:
            return datetime.fromisoformat(self.first(key).removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError as error:
            raise UnreadableSceneError(self._name, f"{key} is no time.", remedy=REMEDY) from error

    @property
    def swaths(self) -> list[str]:
        return sorted(set(self._values.get("swath", [])))

    @property
    def polarisations(self) -> list[str]:
        return sorted(set(self._values.get("transmitterReceiverPolarisation", [])))


def _swaths(files: ProductFiles, path: Path, swaths: list[str], polarisations: list[str]) -> list[SwathFiles]:
    names = set(files.names())
    found = {
        (match["swath"].upper(), match["pol"].upper()): match[1]
        for name in names
        if (match := _ANNOTATION.fullmatch(name))
    }
    listed = []
    for swath in swaths:
        for polarisation in polarisations:
            if polarisation not in POLARISATIONS:
                continue
            stem = found.get((swath, polarisation))
            if stem is None:
                raise UnreadableSceneError(
                    path, f"the annotation of {swath} {polarisation} is missing.", remedy=REMEDY
                )
            parts = SwathFiles(
                swath,
                polarisation,
                f"annotation/{stem}.xml",
                f"annotation/calibration/calibration-{stem}.xml",
                f"annotation/calibration/noise-{stem}.xml",
                f"measurement/{stem}.tiff",
            )
            for name in (parts.calibration, parts.noise, parts.measurement):
                if not files.size(name):
                    raise UnreadableSceneError(path, f"{name} is missing or empty.", remedy=REMEDY)
            listed.append(parts)
    return listed


def _footprint(coordinates: str, name: str) -> BaseGeometry:
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in coordinates.split()]
        ring = [(lon, lat) for lat, lon in pairs]
        return unwrapped(shapely.Polygon(ring))
    except (ValueError, shapely.errors.GEOSException) as error:
        raise UnreadableSceneError(name, f"its footprint cannot be read ({error}).", remedy=REMEDY) from error


def unwrapped(polygon: BaseGeometry) -> BaseGeometry:
    """Return an outline without a jump at the antimeridian: longitudes go beyond 180 where it crosses."""
    west, _, east, _ = polygon.bounds
    if east - west <= 180.0:
        return polygon
    return shapely.transform(polygon, lambda c: c + [[360.0, 0.0]] * (c[:, :1] < 0))

"""What producers write beside their radar rasters, or into them: the orbit that a file name does not say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from xml.etree.ElementTree import Element

from sen4cap_core.scenes.radar.s1_model import Direction
from sen4cap_core.scenes.radar.s1_orbits import ORBITS, relative_orbit_of
from sen4cap_core.xmlsafe import local_name, parse_xml

# "Reference Granule: S1A_IW_SLC__1SDV_..." of InSAR products, the source granule of RTC products.
_GRANULE = re.compile(r"(S1[A-D])_IW_[A-Z]{3}[A-Z_]_1S[SD][VH]_\d{8}T\d{6}_\d{8}T\d{6}_(\d{6})_")
_PASS = re.compile(r"Reference Pass Direction:\s*(ASC|DESC)ENDING", re.IGNORECASE)


@dataclass(frozen=True)
class Sidecar:
    """What is known of the orbit."""

    relative_orbit: int | None = None
    orbit_direction: Direction | None = None

    def or_else(self, other: Sidecar) -> Sidecar:
        """Fill what is not known from another."""
        return Sidecar(
            self.relative_orbit or other.relative_orbit, self.orbit_direction or other.orbit_direction
        )


def sidecars_of(main: str, stem: str) -> list[str]:
    """Return the names under which they lie beside a product: the original's, HyP3's of InSAR and of RTC."""
    return [PurePath(main).with_suffix(".mtd").name, f"{stem}.txt", f"{stem}.README.md.txt"]


def read_sidecar(content: bytes, name: str) -> Sidecar:
    """Read one; what it does not say stays unknown.

    Raises BadUploadError where XML is not well formed, or has entities.
    """
    if name.endswith(".mtd"):
        return Sidecar(orbit_direction=_original_direction(content, name))
    text = content.decode("utf-8", errors="replace")
    granule, found = _GRANULE.search(text), _PASS.search(text)
    return Sidecar(
        relative_orbit_of(granule[1], int(granule[2])) if granule else None,
        None if found is None else "ascending" if found[1].upper() == "ASC" else "descending",
    )


def read_snap_metadata(document: bytes, name: str) -> Sidecar:
    """Read the orbit out of SNAP's own metadata of a product.

    Raises BadUploadError where it is not well formed, or has entities.
    """
    return snap_orbit(snap_attributes(parse_xml(document, name=name)))


def snap_attributes(document: Element) -> dict[str, str]:
    """Return SNAP's attributes by name: the first of each is the product's own, later ones its partner's."""
    attributes: dict[str, str] = {}
    for element in document.iter("MDATTR"):
        attributes.setdefault(str(element.get("name")), (element.text or "").strip())
    return attributes


def snap_orbit(attributes: dict[str, str]) -> Sidecar:
    """Return what SNAP's attributes say of the orbit."""
    relative, absolute = (attributes.get(name, "") for name in ("REL_ORBIT", "ABS_ORBIT"))
    orbit = int(relative) if relative.isdigit() and 1 <= int(relative) <= ORBITS else None
    if orbit is None and absolute.isdigit():
        orbit = relative_orbit_of(snap_platform(attributes), int(absolute))
    towards = attributes.get("PASS", "").upper()
    direction: Direction | None = None
    if towards.startswith(("ASC", "DES")):
        direction = "ascending" if towards.startswith("ASC") else "descending"
    return Sidecar(orbit, direction)


def snap_platform(attributes: dict[str, str]) -> str:
    """Return the satellite, ``S1A`` or ``S1`` where its letter is not stated."""
    return attributes.get("MISSION", "S1").replace("SENTINEL-1", "S1")


def _original_direction(content: bytes, name: str) -> Direction | None:
    for element in parse_xml(content, name=name).iter():
        if local_name(element).lower() == "orbittype":
            text = (element.text or "").strip().lower()
            return "ascending" if text.startswith("asc") else "descending" if text.startswith("des") else None
    return None

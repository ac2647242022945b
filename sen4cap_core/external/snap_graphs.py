"""The processing graphs that SNAP's ``gpt`` runs on two SLC products: coherence and backscatter amplitude.

Operators and parameters of the profile ``sen4cap`` are those that the original system (Sen4CAP Sentinel-1
pre-processing, version 1) is documented to use; ``improved`` changes what loses fields or coherence.
SNAP's operators are described in the help of SNAP 8 and later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

PIXEL_M = 20.0
PIXEL_DEG = 1.796630568239043e-4
WINDOW_AZIMUTH, WINDOW_RANGE = 5, 20
LOOKS_AZIMUTH, LOOKS_RANGE = 2, 8

ProfileName = Literal["sen4cap", "improved"]
Value = str | int | float | bool


@dataclass(frozen=True)
class Profile:
    """What differs between the original's graphs and ours."""

    name: ProfileName
    dem: str
    remove_noise: bool
    remove_fringes: bool
    """Flat-earth and topographic phase out of the interferogram before coherence is estimated."""
    align: bool
    """Cells on multiples of their size, so that all products lie on one grid."""
    nodata_at_sea: bool
    """Whatever is not above sea level gets no value: polders are lost."""


PROFILES: dict[ProfileName, Profile] = {
    "sen4cap": Profile("sen4cap", "SRTM 3Sec", False, False, False, True),
    "improved": Profile("improved", "Copernicus 30m Global DEM", True, True, True, False),
}
ORIGINAL_PROJECTION = "EPSG:3035"


@dataclass(frozen=True)
class Node:
    """One operator of a graph."""

    id: str
    operator: str
    sources: tuple[str, ...]
    """Ids of the nodes it reads."""
    parameters: Mapping[str, Value]
    """By name; ``a/b`` is an element within another."""


def graph_xml(nodes: Sequence[Node]) -> bytes:
    """Write a graph as ``gpt`` reads it."""
    graph = Element("graph", id="Graph")
    SubElement(graph, "version").text = "1.0"
    for node in nodes:
        element = SubElement(graph, "node", id=node.id)
        SubElement(element, "operator").text = node.operator
        sources = SubElement(element, "sources")
        for number, source in enumerate(node.sources):
            SubElement(sources, f"sourceProduct{f'.{number}' if number else ''}", refid=source)
        parameters = SubElement(element, "parameters")
        for name, value in node.parameters.items():
            parent = parameters
            *outer, last = name.split("/")
            for part in outer:
                within = parent.find(part)
                parent = SubElement(parent, part) if within is None else within
            SubElement(parent, last).text = _text(value)
    indent(graph)
    text: bytes = tostring(graph, encoding="utf-8", xml_declaration=True)
    return text


def split_graph(
    product: Path, polarisation: str, bursts: Mapping[str, int], targets: Mapping[str, Path], profile: Profile
) -> list[Node]:
    """Orbit, noise, calibration to complex sigma0, and each swath into a file of its own.

    Parameters
    ----------
    product : zip, or ``manifest.safe`` of a folder
    bursts, targets : by swath, number of bursts and file to write
    """
    nodes = [_read("read", product)]
    if profile.remove_noise:
        parameters: dict[str, Value] = {"selectedPolarisations": polarisation, "removeThermalNoise": True}
        nodes.append(Node("noise", "ThermalNoiseRemoval", (nodes[-1].id,), parameters))
    nodes.append(
        Node(
            "orbit",
            "Apply-Orbit-File",
            (nodes[-1].id,),
            {
                "orbitType": "Sentinel Precise (Auto Download)",
                "polyDegree": 3,
                "continueOnFail": True,
            },
        )
    )
    nodes.append(
        Node(
            "calibration",
            "Calibration",
            ("orbit",),
            {
                "auxFile": "Latest Auxiliary File",
                "selectedPolarisations": polarisation,
                "outputImageInComplex": True,
                "outputSigmaBand": True,
                "outputGammaBand": False,
                "outputBetaBand": False,
            },
        )
    )
    for swath, target in targets.items():
        split: dict[str, Value] = {
            "subswath": swath,
            "selectedPolarisations": polarisation,
            "firstBurstIndex": 1,
            "lastBurstIndex": bursts[swath],
        }
        nodes.append(Node(f"split-{swath}", "TOPSAR-Split", ("calibration",), split))
        nodes.append(_write(f"write-{swath}", f"split-{swath}", target))
    return nodes


def geocoding_graph(earlier: Path, later: Path, target: Path, profile: Profile) -> list[Node]:
    """Bring a swath of the later pass onto that of the earlier one."""
    parameters: dict[str, Value] = {
        "demName": profile.dem,
        "demResamplingMethod": "BICUBIC_INTERPOLATION",
        "resamplingType": "BISINC_5_POINT_INTERPOLATION",
        "maskOutAreaWithoutElevation": True,
        "disableReramp": False,
    }
    geocode = Node("geocode", "Back-Geocoding", ("earlier", "later"), parameters)
    return [_read("earlier", earlier), _read("later", later), geocode, _write("write", "geocode", target)]


def coherence_graph(geocoded: Path, polarisation: str, target: Path, profile: Profile) -> list[Node]:
    """Estimate the coherence of a swath and join its bursts."""
    parameters: dict[str, Value] = {
        "cohWinAz": WINDOW_AZIMUTH,
        "cohWinRg": WINDOW_RANGE,
        "squarePixel": False,
        "subtractFlatEarthPhase": profile.remove_fringes,
        "srpPolynomialDegree": 5,
        "srpNumberPoints": 501,
        "orbitDegree": 3,
        "subtractTopographicPhase": profile.remove_fringes,
    }
    if profile.remove_fringes:
        parameters["demName"] = profile.dem
    return [
        _read("read", geocoded),
        Node("coherence", "Coherence", ("read",), parameters),
        Node("deburst", "TOPSAR-Deburst", ("coherence",), {"selectedPolarisations": polarisation}),
        _write("write", "deburst", target),
    ]


def deburst_graph(geocoded: Path, polarisation: str, target: Path) -> list[Node]:
    """Join the bursts of a swath."""
    return [
        _read("read", geocoded),
        Node("deburst", "TOPSAR-Deburst", ("read",), {"selectedPolarisations": polarisation}),
        _write("write", "deburst", target),
    ]


def coherence_map_graph(
    swaths: Sequence[Path], polarisation: str, region_wkt: str, epsg: int, target: Path, profile: Profile
) -> list[Node]:
    """Merge the swaths' coherence, bring it to the map, cut it to the common region."""
    nodes = _merged(swaths, polarisation)
    nodes.append(_terrain_correction("map", nodes[-1].id, epsg, profile, None))
    nodes.append(Node("subset", "Subset", ("map",), {"geoRegion": region_wkt, "copyMetadata": True}))
    nodes.append(_write("write", "subset", target, "GeoTIFF"))
    return nodes


def amplitude_map_graph(
    swaths: Sequence[Path],
    polarisation: str,
    acquired_at: datetime,
    region_wkt: str,
    epsg: int,
    target: Path,
    profile: Profile,
) -> list[Node]:
    """Merge the swaths, average looks, bring the later pass to the map; square root of sigma0."""
    # English whatever the locale.
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * acquired_at.month - 3 : 3 * acquired_at.month]
    band = f"Intensity_{polarisation}_slv1_{acquired_at.day:02d}{month}{acquired_at.year}"
    nodes = _merged(swaths, polarisation)
    looks: dict[str, Value] = {
        "sourceBands": band,
        "nRgLooks": LOOKS_RANGE,
        "nAzLooks": LOOKS_AZIMUTH,
        "outputIntensity": False,
        "grSquarePixel": True,
    }
    nodes.append(Node("looks", "Multilook", (nodes[-1].id,), looks))
    nodes.append(_terrain_correction("map", "looks", epsg, profile, band))
    maths: dict[str, Value] = {
        "targetBands/targetBand/name": "Amplitude",
        "targetBands/targetBand/type": "float32",
        "targetBands/targetBand/expression": f"sqrt({band})",
        "targetBands/targetBand/noDataValue": 0.0,
    }
    nodes.append(Node("amplitude", "BandMaths", ("map",), maths))
    nodes.append(Node("subset", "Subset", ("amplitude",), {"geoRegion": region_wkt, "copyMetadata": True}))
    nodes.append(_write("write", "subset", target, "GeoTIFF"))
    return nodes


def _merged(swaths: Sequence[Path], polarisation: str) -> list[Node]:
    reads = [_read(f"read-{number}", path) for number, path in enumerate(swaths)]
    if len(reads) == 1:
        return reads
    sources = tuple(node.id for node in reads)
    return [*reads, Node("merge", "TOPSAR-Merge", sources, {"selectedPolarisations": polarisation})]


def _terrain_correction(id_: str, source: str, epsg: int, profile: Profile, band: str | None) -> Node:
    parameters: dict[str, Value] = {
        "demName": profile.dem,
        "externalDEMApplyEGM": True,
        "demResamplingMethod": "BILINEAR_INTERPOLATION",
        "imgResamplingMethod": "BILINEAR_INTERPOLATION",
        "pixelSpacingInMeter": PIXEL_M,
        "pixelSpacingInDegree": PIXEL_DEG,
        "mapProjection": f"EPSG:{epsg}" if profile.align else ORIGINAL_PROJECTION,
        "alignToStandardGrid": profile.align,
        "nodataValueAtSea": profile.nodata_at_sea,
        "applyRadiometricNormalization": False,
        "saveSelectedSourceBand": True,
    }
    if profile.align:
        parameters |= {"standardGridOriginX": 0.0, "standardGridOriginY": 0.0}
    if band is not None:
        parameters["sourceBands"] = band
    return Node(id_, "Terrain-Correction", (source,), parameters)


def _read(id_: str, file: Path) -> Node:
    return Node(id_, "Read", (), {"file": str(file)})


def _write(id_: str, source: str, file: Path, form: str = "BEAM-DIMAP") -> Node:
    return Node(id_, "Write", (source,), {"file": str(file), "formatName": form})


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

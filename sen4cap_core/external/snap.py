"""Coherence and backscatter of two SLC products by SNAP, where the operator has its ``gpt``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from sen4cap_core.errors import BadUploadError
from sen4cap_core.external.programs import find_program
from sen4cap_core.external.running import ExternalProgramError, check_outputs, run_program
from sen4cap_core.external.snap_graphs import (
    PROFILES,
    Node,
    Profile,
    ProfileName,
    amplitude_map_graph,
    coherence_graph,
    coherence_map_graph,
    deburst_graph,
    geocoding_graph,
    graph_xml,
    split_graph,
)
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.radar.s1_model import RadarDefaults
from sen4cap_core.scenes.radar.s1_reading import open_radar

PROGRAM = "SNAP"
STEP_SECONDS = 3600.0
"""A step that takes longer is ended, as in the original."""
CACHE = "1G"
"""Of gpt's tiles; Java's own memory is what gpt.vmoptions says."""


@dataclass(frozen=True)
class SnapInput:
    """One SLC product of a pair."""

    path: Path
    """``.SAFE`` folder or zip."""
    started_at: datetime
    footprint: BaseGeometry
    bursts: Mapping[str, int]
    """Number of bursts by swath."""

    @property
    def file(self) -> Path:
        """What SNAP opens."""
        return self.path / "manifest.safe" if self.path.is_dir() else self.path


@dataclass(frozen=True)
class SnapPair:
    """What is to be made."""

    site: str
    earlier: SnapInput
    later: SnapInput
    relative_orbit: int
    polarisation: str
    epsg: int
    """Projection of the products; the profile ``sen4cap`` has its own."""

    def name(self, kind: str) -> str:
        """Name of a product; ``kind``: ``AMP`` (of the later pass) or ``COHE``."""
        dates = "_".join(f"{one.started_at:%Y%m%dT%H%M%S}" for one in (self.earlier, self.later))
        return f"SEN4CAP_L2A_S{self.site}_V{dates}_{self.polarisation}_{self.relative_orbit:03d}_{kind}.tif"


@dataclass(frozen=True)
class _Step:
    name: str
    nodes: list[Node]
    writes: Sequence[Path]
    no_more_needed: Sequence[Path] = ()


def run_snap(
    setting: str,
    pair: SnapPair,
    work: Path,
    *,
    profile: ProfileName,
    time_limit_seconds: float = STEP_SECONDS,
    while_running: Callable[[], None] | None = None,
) -> list[Path]:
    """Make the amplitude of the later pass and the coherence of the pair; return the two GeoTIFFs.

    Each step is a graph and a run of its own, its log beside it; what no later step needs is deleted.

    Parameters
    ----------
    setting : ``SEN4CAP_GPT``, see `find_program`
    work : folder of this run alone; emptied first
    time_limit_seconds : of each step

    Raises
    ------
    ExternalProgramError
        A step failed, hung, or wrote nothing, or what it wrote is no raster over the passes' common ground.
    ServiceError
        There is no such program.
    """
    shutil.rmtree(work, ignore_errors=True)
    output = work / "output"
    output.mkdir(parents=True)
    region = pair.earlier.footprint.intersection(pair.later.footprint)
    swaths = [swath for swath in pair.earlier.bursts if swath in pair.later.bursts]
    if region.is_empty or not swaths:
        raise ExternalProgramError(PROGRAM, "the two passes have no ground or no swath in common", final=True)
    sources = [pair.earlier.path.parent, pair.later.path.parent, work]
    for number, step in enumerate(_steps(pair, PROFILES[profile], work, swaths, region.envelope.wkt)):
        graph = work / f"{number:02d}-{step.name}.xml"
        graph.write_bytes(graph_xml(step.nodes))
        program = find_program(PROGRAM, setting, "SEN4CAP_GPT", sources)
        done = run_program(
            [*program.words, str(graph), "-c", CACHE, "-e"],
            program=f"{PROGRAM} {step.name}",
            folder=work,
            log=graph.with_suffix(".log"),
            time_limit_seconds=time_limit_seconds,
            on_kill=program.on_kill,
            while_running=while_running,
        )
        for path in step.writes:
            check_outputs(f"{PROGRAM} {step.name}", work, _patterns(path.relative_to(work)), done.log)
        for path in step.no_more_needed:
            path.unlink(missing_ok=True)
            shutil.rmtree(path.with_suffix(".data"), ignore_errors=True)
    made = [output / pair.name(kind) for kind in ("AMP", "COHE")]
    for path in made:
        _check(path, region)
    return made


def _steps(
    pair: SnapPair, profile: Profile, work: Path, swaths: Sequence[str], region_wkt: str
) -> list[_Step]:
    pol = pair.polarisation

    def files(stem: str) -> dict[str, Path]:
        return {swath: work / f"{stem}-{swath}.dim" for swath in swaths}

    splits = [files("split-1"), files("split-2")]
    geocoded, coherence, amplitude = files("geocoded"), files("coherence"), files("amplitude")
    steps = [
        _Step(
            f"split-{number + 1}",
            split_graph(one.file, pol, one.bursts, splits[number], profile),
            list(splits[number].values()),
        )
        for number, one in enumerate((pair.earlier, pair.later))
    ]
    for swath in swaths:
        parts = [split[swath] for split in splits]
        nodes = geocoding_graph(parts[0], parts[1], geocoded[swath], profile)
        steps.append(_Step(f"geocode-{swath}", nodes, [geocoded[swath]], parts))
        nodes = coherence_graph(geocoded[swath], pol, coherence[swath], profile)
        steps.append(_Step(f"coherence-{swath}", nodes, [coherence[swath]]))
        nodes = deburst_graph(geocoded[swath], pol, amplitude[swath])
        steps.append(_Step(f"deburst-{swath}", nodes, [amplitude[swath]], [geocoded[swath]]))
    for kind, parts_of in (("COHE", coherence), ("AMP", amplitude)):
        target, parts = work / "output" / pair.name(kind), list(parts_of.values())
        if kind == "COHE":
            nodes = coherence_map_graph(parts, pol, region_wkt, pair.epsg, target, profile)
        else:
            at = pair.later.started_at
            nodes = amplitude_map_graph(parts, pol, at, region_wkt, pair.epsg, target, profile)
        steps.append(_Step(f"map-{kind}", nodes, [target], parts))
    return steps


def _patterns(path: Path) -> list[str]:
    """Files that must be there: of BEAM-DIMAP the header and at least one image."""
    if path.suffix == ".dim":
        return [str(path), f"{path.with_suffix('.data')}/*.img"]
    return [str(path)]


def _check(path: Path, region: BaseGeometry) -> None:
    """Open what was written as any dropped product; gpt may say it is done and have written half."""
    try:
        (scene,) = open_radar(path, RadarDefaults())
    except (BadUploadError, ValueError) as error:
        raise ExternalProgramError(PROGRAM, f"wrote a product that cannot be read: {error}") from error
    if not _outline(scene.grid).intersects(region):
        raise ExternalProgramError(
            PROGRAM, f"{path.name} does not lie where the passes do: {scene.grid.bounds_m}"
        )


def _outline(grid: Grid) -> BaseGeometry:
    to_deg = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    return shapely.box(*to_deg.transform_bounds(*grid.bounds_m))

"""Pairs of SLC products by the operator's own SNAP: what it writes is taken in as any ready-made product."""

from __future__ import annotations

import shutil
from pathlib import Path

from sen4cap_core.errors import NothingToDoError
from sen4cap_core.external.snap import SnapInput, SnapPair, run_snap
from sen4cap_core.products import naming
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.steps.radar.ingest import ingest_radar
from sen4cap_core.steps.radar.subject import RadarSubject, tiles_of
from sen4cap_core.steps.shared.context import Context


def snap_pair(context: Context, gpt: str, earlier: RadarSubject, later: RadarSubject) -> list[str]:
    """Make coherence of a pair and backscatter of its later pass; return the names of the products.

    What is there already is not made again.

    Raises
    ------
    ExternalProgramError
        SNAP failed, hung, or wrote no usable product.
    ServiceError
        There is no such program.
    """
    common = [
        p for p in ("VV", "VH") if p in {*earlier.pairing.polarisations} & {*later.pairing.polarisations}
    ]
    if not common:
        raise NothingToDoError("the two passes have no polarisation in common")
    settings = context.settings
    year = settings.data / naming.year_folder(later.site, later.year)
    days = "_".join(f"{one.pairing.started_at:%Y%m%dT%H%M%S}" for one in (earlier, later))
    folder = year / "s1-snap" / f"{settings.gpt_profile}_{later.pairing.relative_orbit:03d}_{days}"
    epsg = tile_grid(tiles_of(context, later)[0], 20).epsg
    for polarisation in common:
        pair = SnapPair(
            later.site, _input(earlier), _input(later), later.pairing.relative_orbit, polarisation, epsg
        )
        if all((folder / pair.name(kind)).is_file() for kind in ("AMP", "COHE")):
            continue
        work = settings.data / "work" / f"snap-{later.number}-{earlier.number}-{polarisation}"
        try:
            made = run_snap(gpt, pair, work, profile=settings.gpt_profile)
            folder.mkdir(parents=True, exist_ok=True)
            for path in made:
                path.replace(folder / path.name)
        finally:
            # The logs and graphs of a failed run are what a person needs; all else is large.
            _sweep(work)
    names = []
    for kind in ("COHE", "AMP"):
        # Both polarisations are one product: it is opened by the file of either.
        path = next(folder.glob(f"*_{common[0]}_*_{kind}.tif"))
        names += [scene.product_id for scene in ingest_radar(context, later.site, None, path)]
    return list(dict.fromkeys(names))


def _input(subject: RadarSubject) -> SnapInput:
    product = open_product(subject.path)
    bursts = {}
    for swath in product.swaths:
        if swath.swath not in bursts:
            bursts[swath.swath] = len(product.annotation(swath).bursts)
    return SnapInput(subject.path, product.start, product.footprint, bursts)


def _sweep(work: Path) -> None:
    for path in work.iterdir() if work.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix not in (".xml", ".log"):
            path.unlink(missing_ok=True)

"""Dropped radar products in the radar's geometry, and the orbit files and elevation models they need."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.db.acquired.radar import acquisitions_to_look_at, enter_acquisition
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.errors import BadUploadError
from sen4cap_core.rasters.decoding.elevation import describe_elevation
from sen4cap_core.sentinel1.orbit import describe_orbit_file, read_orbit_file
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.steps.acquisitions.ingested import IngestedScene
from sen4cap_core.steps.radar.site import radar_config
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.folder_season import season_of_folder
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_ingest, ask_process_radar


def receive_slc(context: Context, drop: Drop) -> Taken:
    """Check that a product in radar geometry (SLC, GRD) is whole and ask for it to be entered.

    Raises
    ------
    BadUploadError
        It is incomplete.
    """
    product = open_product(drop.path)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        warnings = season_of_folder(session, site, drop.year, [product.start.date()])
        ask_ingest(session, drop.site_slug, drop.upload_id)
    stored: dict[str, object] = {
        "product": product.name,
        "acquired": f"{product.start:%Y-%m-%d %H:%M:%S} UTC",
        "platform": product.platform,
        "relative orbit": product.relative_orbit,
        "orbit direction": product.direction,
        "polarisations": product.polarisations,
        "swaths": sorted({swath.swath for swath in product.swaths}),
    }
    if product.polarisations != ["VV", "VH"]:
        warnings.append(f"the product has {product.polarisations[0]} only: there will be no other.")
    return Taken(f"Sentinel-1 {product.kind} in radar geometry", stored, as_problems(warnings))


def ingest_slc(context: Context, slug: str, upload_id: int, path: Path) -> list[IngestedScene]:
    """Enter a product in radar geometry and ask for it to be processed."""
    product = open_product(path)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, slug)
        row = enter_acquisition(
            session,
            {
                "site_id": site.id,
                "upload_id": upload_id,
                "product_id": product.name,
                "kind": product.kind,
                "platform": product.platform,
                "started_at": product.start,
                "stopped_at": product.stop,
                "relative_orbit": product.relative_orbit,
                "orbit_direction": product.direction,
                "polarisations": product.polarisations,
                "footprint_wkt": product.footprint.wkt,
                "path": str(path),
            },
        )
        ask_process_radar(session, slug, row.id, row.kind)
        when = f"{product.start:%Y-%m-%d %H:%M}"
        return [IngestedScene(row.id, product.name, "radar geometry", when, "to be brought to the map")]


def receive_radar_file(context: Context, drop: Drop) -> Taken:
    """Take an orbit file, an elevation model or a geoid grid; what waited for it is looked at again.

    Raises
    ------
    BadUploadError
        It is none of these, or cannot be read.
    """
    suffix = drop.path.suffix.upper()
    if suffix == ".EOF":
        file = describe_orbit_file(drop.path)
        middle = file.start + (file.stop - file.start) / 2
        read_orbit_file(drop.path, file.platform, middle, middle)
        stored: dict[str, object] = {
            "platform": file.platform,
            "kind": file.kind,
            "from": f"{file.start:%Y-%m-%d %H:%M:%S} UTC",
            "to": f"{file.stop:%Y-%m-%d %H:%M:%S} UTC",
        }
        taken = Taken("orbit file of Sentinel-1", stored)
    elif suffix in (".TIF", ".TIFF"):
        taken = _elevation(context, drop)
    else:
        raise BadUploadError(
            drop.path,
            "this is no file that radar processing uses.",
            expected="an orbit file (.EOF), an elevation model or a geoid grid (GeoTIFF)",
            remedy="a radar product itself belongs into scenes/.",
        )
    with context.session() as session:
        for number, slug, kind in acquisitions_to_look_at(session):
            if slug == drop.site_slug:
                ask_process_radar(session, slug, number, kind)
    return taken


def is_geoid(name: str) -> bool:
    """Whether a file in the radar folder is a geoid grid: told from its name."""
    return name.lower().startswith(("geoid", "egm", "us_nga_egm"))


def _elevation(context: Context, drop: Drop) -> Taken:
    model = describe_elevation(drop.path)
    west, south, east, north = model.bounds_deg
    stored: dict[str, object] = {"from": f"{west:.4f} {south:.4f}", "to": f"{east:.4f} {north:.4f}"}
    if is_geoid(drop.path.name):
        return Taken("geoid grid (height of the geoid above the ellipsoid)", stored)
    with context.session() as session:
        config = radar_config(site_rows.get_or_create_site(session, drop.site_slug))
    reference = model.reference or config.dem_heights
    if reference is None:
        raise BadUploadError(
            drop.path,
            "this elevation model does not say whether its heights count from the ellipsoid or the geoid.",
            expected="a coordinate system with a vertical part, such as EPSG:4979 or EPSG:9518",
            remedy="say it in site.yaml: `radar: {dem_heights: geoid}` (or ellipsoid), and drop it again.",
        )
    stored["heights above"] = reference
    warnings = []
    if reference == "geoid":
        warnings.append("its heights need a geoid grid: drop it beside the model as geoid*.tif or egm*.tif")
    return Taken("elevation model", stored, as_problems(warnings))

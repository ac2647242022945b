"""Parcel observations of a radar product, on its own pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sen4cap_core import __version__
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made.products import register_observations
from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.observations.store import write_observations
from sen4cap_core.products import naming
from sen4cap_core.rasters.passes.radar_sums import (
    RadarInput,
    RadarResult,
    extract_radar,
    grid_of_window,
)
from sen4cap_core.scenes.radar.s1_model import RadarScene
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.steps.acquisitions.observe import ObservedSet
from sen4cap_core.steps.acquisitions.parcel_labels import inner_buffer_m, labels_of
from sen4cap_core.steps.radar.pair_coherence import coherence_of_pair
from sen4cap_core.steps.radar.site import db_factor_of, radar_config, radar_defaults, window_on_tile
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.declarations.sites.site import RadarConfig
    from sen4cap_core.steps.acquisitions.subject import MissingSet, ProcessedScene, Subject

RADAR_BUFFER_M = -10.0
"""Speckle and geocoding blur reach over a field's edge by half a 20 m pixel, also in finer products."""


def observe_radar(context: Context, done: ProcessedScene) -> None:
    """Extract a radar product for every declaration set that misses it.

    Raises
    ------
    UnreadableSceneError
        When a file of the product cannot be read, or it does not reach the tile any more.
    """
    subject = done.subject
    with context.session() as session:
        config = radar_config(site_rows.site_by_id(session, subject.site_id))
    scene = open_subject(subject, config)
    done.warnings = scene.warnings
    window = window_on_tile(scene.grid, subject.tile)
    if window is None:
        raise UnreadableSceneError(
            subject.path, f"it does not reach tile {subject.tile}", remedy="drop the product again"
        )
    grid = grid_of_window(scene.grid, window)
    factor, scale_name = db_factor_of(config)
    inputs: dict[str, RadarInput] = {
        pol: RadarInput(band.source, band.scale) for pol, band in scene.bands.items()
    }
    if scene.pair is not None:
        with done.stage("coherence of the pair"):
            inputs["vv"] = coherence_of_pair(context, subject, scene, scene.pair)
    mask = (scene.mask.source, scene.mask.valid) if scene.mask else None
    for number, missing in enumerate(subject.missing_sets, start=1):
        set_id, year = missing.set_id, missing.year
        with done.stage("labels"):
            labels = labels_of(
                context, subject.site, year, set_id, subject.tile, grid,
                buffer_m=min(RADAR_BUFFER_M, inner_buffer_m(grid.resolution_m)),
            )  # fmt: skip
        with done.stage("decode, mask, parcel sums"):
            result = extract_radar(
                inputs, mask, window, labels, db_factor=factor, statistics=missing.statistics
            )
        with done.stage("write and register"):
            done.observed.append(_write(context, subject, scene, result, missing, scale_name))
        done.lacking |= {
            name: "the product has no such polarisation"
            for variables in missing.groups.values()
            for name in variables - set(result.sums.variables)
        }
        done.data_fraction = result.data_fraction
        context.progress(number / len(subject.missing_sets))


def open_subject(subject: Subject, config: RadarConfig) -> RadarScene:
    """Open the product of a scene row again.

    Raises UnreadableSceneError where the file holds it no more.
    """
    for scene in open_radar(subject.path, radar_defaults(config)):
        if scene.product_id == subject.product_id:
            return scene
    raise UnreadableSceneError(
        subject.path,
        f"holds no product {subject.product_id} any more",
        remedy="drop the product again under its own name",
    )


def _write(
    context: Context,
    subject: Subject,
    scene: RadarScene,
    result: RadarResult,
    missing: MissingSet,
    scale_name: str,
) -> ObservedSet:
    set_id, year = missing.set_id, missing.year
    (group,) = missing.groups
    metadata = {
        "scene": subject.product_id,
        "tile": subject.tile,
        "acquired_at": subject.acquired_at.isoformat(),
        "declaration_set": str(set_id),
        "software": __version__,
        "quantity": scene.quantity,
        "relative_orbit": "" if scene.relative_orbit is None else str(scene.relative_orbit),
        "orbit_direction": scene.orbit_direction or "",
    }
    if scene.pair_started_at is not None:
        metadata["pair_started_at"] = scene.pair_started_at.isoformat()
    if scene.quantity != "coherence":
        metadata["backscatter_scale"] = scale_name
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}/{subject.tile}", f"declarations:{set_id}"],
        {
            "group": group,
            "scale": scale_name,
            "polarisations": list(scene.polarisations),
            **({"statistics": sorted(missing.statistics)} if missing.statistics else {}),
        },
        __version__,
    )
    relative = naming.observations_path(
        subject.site, year, set_id, subject.tile, subject.acquired_at, group, naming.version_of(key)
    )
    write_observations(context.settings.data / relative, result.sums, metadata=metadata)
    n_parcels = int(np.count_nonzero(result.sums.n_total))
    n_valid = np.max([one.n_valid for one in result.sums.variables.values()], axis=0, initial=0)
    n_observed = int(np.count_nonzero(n_valid))
    with context.session() as session:
        register_observations(
            session,
            {
                "scene_id": subject.scene_id,
                "declaration_set_id": set_id,
                "group_name": group,
                "variables": [*sorted(result.sums.variables), *sorted(missing.statistics)],
                "path": str(relative),
                "n_rows": n_parcels,
                "n_observed": n_observed,
                "source": "scene",
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
        )
    return ObservedSet(set_id, year, group, n_parcels, n_observed, "scene", n_parcels, 0)

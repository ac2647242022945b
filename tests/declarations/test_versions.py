"""How much of two versions of an outline differs, against Shapely."""

from __future__ import annotations

import numpy as np
import shapely

from sen4cap_core.declarations.parcels.versions import change_ratios
from sen4cap_core.rasters.parcels.outlines import outlines_of


def test_change_ratios_are_those_of_shapely() -> None:
    random = np.random.default_rng(5)
    turns = np.sort(random.uniform(0, 2 * np.pi, (200, 9)), axis=1)
    reach = random.uniform(5e-4, 2e-3, (200, 9))
    middle = np.stack([random.uniform(4, 6, 200), random.uniform(51, 53, 200)], axis=1)
    corners = middle[:, None] + np.stack([reach * np.cos(turns), reach * np.sin(turns)], axis=2)
    former = shapely.polygons(corners)
    new = shapely.buffer(shapely.polygons(corners + random.normal(0, 2e-4, corners.shape)), 0)
    new[:5], new[5] = former[:5], shapely.difference(former[5], shapely.buffer(former[5].centroid, 1e-5))
    former = shapely.buffer(former, 0)
    # One that is written otherwise and covers the same ground; some that are not there.
    new[6] = shapely.segmentize(former[6], 1e-4)
    expected = shapely.area(shapely.symmetric_difference(former, new)) / shapely.area(
        shapely.union(former, new)
    )
    former[7], new[8], former[9], new[9] = None, None, None, None
    expected[[7, 8, 9]] = 1, 1, 0

    ratios = change_ratios(outlines_of(former), outlines_of(new))

    np.testing.assert_allclose(ratios, expected, rtol=0, atol=1e-9)
    assert (ratios[:5] < 1e-9).all()

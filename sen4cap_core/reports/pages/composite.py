"""The page of a site's composites: what went into each, and which bands are where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sen4cap_core.reports.pages.tables import facts
from sen4cap_core.reports.pages.text import Markdown, count, percent


def composite_facts(
    *,
    method: str,
    size_m: float,
    bands: Sequence[str],
    other_bands: Mapping[float, Sequence[str]],
    bands_missing: Sequence[str],
    n_scenes: int,
    valid_fraction: float | None,
    n_parts: tuple[int, int] | None,
) -> Markdown:
    """Return the facts of the composite of one tile and pixel size.

    Parameters
    ----------
    size_m : pixel size in metres
    other_bands : those of the composites of the tile with other pixel sizes, by size in metres
    bands_missing : asked for, and in none of the scenes
    valid_fraction : of pixels with a clear date; None where the composite was there before
    n_parts : parts of the images that were read, and those that were not; None as before
    """
    pairs: list[tuple[object, object]] = [
        ("Method", method),
        ("Bands", f"{' '.join(bands)} (a band is kept in the finest pixels it comes in: {size_m:g} m)"),
    ]
    pairs += [
        (f"Bands of {size:g} m", f"{' '.join(names)} (in the composite of {size:g} m)")
        for size, names in sorted(other_bands.items())
    ]
    if bands_missing:
        pairs.append(("Bands that none of the scenes has", " ".join(bands_missing)))
    pairs.append(("Scenes", n_scenes))
    if valid_fraction is None or n_parts is None:
        pairs.append(("State", "it was there before"))
    else:
        n_read, n_left = n_parts
        told = f"{count(n_read)} of {count(n_read + n_left)}"
        if n_left:
            told += "; the others (cloud, no data) could not change the result"
        pairs += [("Pixels with a clear date", percent(valid_fraction)), ("Parts of the images read", told)]
    return Markdown(facts(pairs))

"""What one evaluation of L4B rests on, and the keys that tell whether anything changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sen4cap_core import __version__
from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.declarations.settings.l4b_config import Compat, L4BConfig, Method
from sen4cap_core.products.naming import content_key, season_slug
from sen4cap_core.steps.shared.mowing_selection import Selection


@dataclass(frozen=True)
class Evaluation:
    """A season's parcels, configuration and observations."""

    season_id: int
    site_id: int
    site: str
    season: str
    year: int
    start: date
    """First day mowing is looked for."""
    end: date
    declaration_set_id: int
    config_id: int | None
    """None where the defaults apply."""
    config: L4BConfig
    compat: Compat
    method: Method
    missions: tuple[str, ...]
    """``S2`` and ``S1``, those that are used."""
    optical: tuple[ObservationFile, ...]
    """NDVI sets, in order of time and tile."""
    radar: tuple[ObservationFile, ...]
    """Coherence sets."""
    crop_names: dict[str, str]
    selection: Selection
    """The crops that are evaluated."""
    last_run_id: int | None
    """The evaluation in force when this one began."""
    stands_aside: bool = False
    """Asked for by hand with parameters: a product, and no answers in force."""
    with_shapefile: bool = False

    @property
    def season_slug(self) -> str:
        """Name of the season as a folder."""
        return season_slug(self.season, self.season_id)

    @property
    def files(self) -> tuple[ObservationFile, ...]:
        """All observation sets."""
        return self.optical + self.radar

    @property
    def input_key(self) -> str:
        """Hash of everything the answer rests on."""
        inputs = [f"declarations:{self.declaration_set_id}"]
        inputs += [f"observations:{file.set_id}:{file.path}" for file in self.files]
        facts = {
            "config": self.config.model_dump(mode="json"),
            "compat": self.compat,
            "method": self.method,
            "missions": self.missions,
            "start": self.start,
            "end": self.end,
            "crops": None if self.selection.crops is None else list(self.selection.crops),
        }
        return content_key(inputs, facts, __version__)

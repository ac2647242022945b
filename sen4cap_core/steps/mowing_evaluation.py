"""What one evaluation of L4B rests on, and the keys that tell whether anything changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sen4cap_core import __version__
from sen4cap_core.db.products import ObservationFile
from sen4cap_core.declarations.l4b_config import Compat, L4BConfig
from sen4cap_core.products.naming import content_key


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
    files: tuple[ObservationFile, ...]
    """In order of time and tile."""
    crop_names: dict[str, str]
    selected_crops: tuple[str, ...] | None
    """Crop codes that pass CTNUM_FILTER; None where there is no filter."""
    last_run_id: int | None
    """The evaluation in force when this one began."""

    @property
    def season_slug(self) -> str:
        """Name of the season as a folder."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.season).strip("-") or f"season-{self.season_id}"

    @property
    def state_key(self) -> str:
        """Hash of what a kept state must share: declarations, configuration, start, software."""
        return content_key([f"declarations:{self.declaration_set_id}"], self._parameters(), __version__)

    @property
    def input_key(self) -> str:
        """Hash of everything the answer rests on."""
        return content_key(
            [f"declarations:{self.declaration_set_id}", f"files:{files_key(self.files)}"],
            {**self._parameters(), "end": self.end},
            __version__,
        )

    def after(self, day: date) -> tuple[ObservationFile, ...]:
        """Return the files of acquisitions after a day."""
        return tuple(file for file in self.files if file.acquired_at.date() > day)

    def _parameters(self) -> dict[str, object]:
        config = self.config.model_dump(mode="json")
        crops = None if self.selected_crops is None else list(self.selected_crops)
        return {"config": config, "compat": self.compat, "start": self.start, "crops": crops}


def files_key(files: Sequence[ObservationFile]) -> str:
    """Hash of a set of observation files: their rows and where they lie."""
    return content_key([f"{file.set_id}:{file.path}" for file in files], {}, __version__)

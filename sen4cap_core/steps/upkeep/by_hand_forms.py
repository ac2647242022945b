"""What each operation by hand asks for: the form in the Prefect UI and the options at the terminal."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sen4cap_core.declarations.sites.schedule import Planned

Sensor = Literal["s2-l2a", "landsat-l2", "s1-backscatter", "s1-coherence"]
Evaluated = Literal["l4a", "l4b", "l4c"]


class Form(BaseModel):
    """Base of all forms: what nobody asks for is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _absolute(path: PurePosixPath | None) -> PurePosixPath | None:
    if path is not None and (not path.is_absolute() or ".." in path.parts):
        raise ValueError("give an absolute path without '..'")
    return path


class SiteForm(Form):
    """An operation on one site."""

    site: str = Field(title="Site", description="Folder name of the site.", min_length=1)


class PeriodForm(SiteForm):
    """An operation on a period of a site."""

    start: date | None = Field(None, title="From", description="First day of acquisition; empty: all.")
    end: date | None = Field(None, title="To", description="Last day of acquisition; empty: all.")

    @model_validator(mode="after")
    def _in_order(self) -> PeriodForm:
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"the period starts {self.start} but ends {self.end}")
        return self


class ReprocessScenes(PeriodForm):
    """Make rasters and observations of scenes anew, from their files."""

    tiles: list[str] = Field([], title="Tiles", description="MGRS tiles, such as 30TUM; empty: all.")
    sensors: list[Sensor] = Field([], title="Sensors", description="Empty: all.")
    only_failed: bool = Field(False, title="Only failed", description="Only scenes that failed for good.")
    dry_run: bool = Field(False, title="Dry run", description="Only say what would be done.")


class PairAgain(PeriodForm):
    """Bring Sentinel-1 SLC and GRD acquisitions to the map again and pair them with what there is now."""

    relative_orbit: int | None = Field(
        None, ge=1, le=175, title="Relative orbit", description="Empty: all orbits."
    )
    dry_run: bool = Field(False, title="Dry run", description="Only say what would be done.")


class RunAgain(SiteForm):
    """Evaluate a season up to a day or with other parameters: a new version beside those there are.

    Mowing by hand leaves the answers in force as they are. Of crop types and practices the newest run is in
    force until the next one by the calendar or after new scenes, which follows site.yaml.
    """

    season: str = Field(title="Season", description="Name of the season, as in site.yaml.")
    year: int | None = Field(None, title="Year", description="Where several seasons have this name.")
    processor: Evaluated = Field(title="Processor", description="l4a crop types, l4b mowing, l4c practices.")
    until: date | None = Field(
        None, title="Up to", description="Last day whose acquisitions count; empty: all."
    )
    switch: dict[str, Any] = Field(
        {},
        title="Parameters",
        description='Keys of the processor in site.yaml, over those there: l4a {"settings": {"pa_min": 20}}, '
        'l4b {"method": "falls", "missions": "S2"}, l4c {"tillage": true}.',
    )
    thresholds: dict[str, Any] = Field(
        {},
        title="Thresholds",
        description='Over the uploaded configuration: l4b {"min_fall": 0.1}, '
        'l4c {"CC": {"CATCHPERIOD": 70}}.',
    )


class ReplayInterval(PeriodForm):
    """Run all days of a season's calendar in an interval again, each as if it were that day."""

    season: str = Field(title="Season", description="Name of the season, as in site.yaml.")
    year: int | None = Field(None, title="Year", description="Where several seasons have this name.")
    processors: list[Planned] = Field(
        ["l4a", "l4b", "l4c"], title="Processors", description="Of l3a, l4a, l4b, l4c.", min_length=1
    )

    @field_validator("processors")
    @classmethod
    def _by_day(cls, processors: list[Planned]) -> list[Planned]:
        if "s1_composites" in processors:
            raise ValueError("radar composites are the same on any day: run composite-radar")
        return processors


class ImportFolder(SiteForm):
    """Take everything in a folder of this machine as if it had been dropped."""

    folder: PurePosixPath = Field(
        title="Folder", description="Absolute path on the machine that runs this; its own folders are scenes."
    )
    year: int = Field(title="Year", description="Year of the season.", ge=1972, le=2200)
    kind: str = Field("scene", title="Kind", description="scene, declarations, crop-codes, practices-cc ...")

    _is_absolute = field_validator("folder")(_absolute)


class EditSite(SiteForm):
    """Change what a site is, without dropping a new site.yaml or extent.

    The next site.yaml or extent that is dropped goes over it.
    """

    extent: PurePosixPath | None = Field(
        None,
        title="Extent",
        description="Absolute path, on the machine that runs this, of a file with the outline (zipped "
        "shapefile, GeoPackage, GeoJSON); empty: as it is.",
    )
    tiles: list[str] | None = Field(
        None, title="Tiles", description="MGRS tiles; an empty list: all that meet the extent."
    )
    satellites: list[Literal["S1", "S2", "L8"]] | None = Field(
        None, title="Satellites", description="S1, S2, L8; empty: as they are."
    )
    processors: dict[str, Any] | None = Field(
        None, title="Processors", description='Sections over those there: {"l4c": false}.'
    )
    schedule: dict[str, Any] | None = Field(
        None, title="Schedule", description='Sections over those there: {"l4a": "week"}.'
    )
    name: str | None = Field(None, title="Name", description="New name for people; the folder stays.")

    _is_absolute = field_validator("extent")(_absolute)


class RetryFailed(Form):
    """Let failed jobs wait again, with a fresh count of tries."""

    site: str | None = Field(None, title="Site", description="Folder name; empty: all sites.")
    kinds: list[str] = Field([], title="Kinds of work", description="process-scene ...; empty: all.")


class ExportProducts(PeriodForm):
    """Copy products with their catalogue and a QGIS project into a folder or a zip file."""

    target: PurePosixPath = Field(
        title="Target", description="Absolute path of a folder, or of a file ending with .zip."
    )
    kinds: list[str] = Field([], title="Kinds", description="l3b-ndvi, l4b-mowing ...; empty: all.")
    tile: str | None = Field(None, title="Tile", description="Empty: all.")
    every_version: bool = Field(False, title="All versions", description="Earlier versions, too.")


class SeasonForm(SiteForm):
    """An operation on a site or on one of its seasons."""

    season: str | None = Field(None, title="Season", description="Only this season; empty: the whole site.")
    year: int | None = Field(None, title="Year", description="Where several seasons have this name.")


class PauseSite(SeasonForm):
    """Pause a site or a season: nothing more is fetched, processed or planned; everything is kept."""


class ResumeSite(SeasonForm):
    """Let a paused or deleted site, or a paused season, go on; what was missed is made up for."""


class DeleteSite(SiteForm):
    """Delete a site: it stops and is no longer offered; everything is kept until it is purged or resumed."""

    dry_run: bool = Field(True, title="Dry run", description="Only say what hangs on it.")


class PurgeSite(SiteForm):
    """Remove a deleted site for good: its rows and what was made of it, never what people dropped."""

    dry_run: bool = Field(True, title="Dry run", description="Only say what would be removed.")
    confirm: str = Field("", title="Confirm", description="The name of the site's folder once more.")

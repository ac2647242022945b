"""The tables: every fact that matters is a row here. All are known once this is imported."""

from __future__ import annotations

from sen4cap_core.db.models.base import Base, Json
from sen4cap_core.db.models.crop_types import CropTypeResult, CropTypeRun, DiversificationResult
from sen4cap_core.db.models.declarations import CropCode, DeclarationSet, Parcel, ProcessorConfig
from sen4cap_core.db.models.jobs import Job
from sen4cap_core.db.models.monitoring import JobUsage, MachineSample, WarningRow
from sen4cap_core.db.models.mowing import Marker, MowingResult, MowingRun
from sen4cap_core.db.models.planning import PlannedRun
from sen4cap_core.db.models.practice_results import PracticeResult, PracticeRun
from sen4cap_core.db.models.practices import PracticeRow, PracticeSet
from sen4cap_core.db.models.products import ObservationSet, Product, ProductInput
from sen4cap_core.db.models.scenes import RadarAcquisition, SceneRow
from sen4cap_core.db.models.sites import Season, Site
from sen4cap_core.db.models.sources import OfferRow, SourceSearch
from sen4cap_core.db.models.uploads import Sighting, Upload

__all__ = [
    "Base",
    "CropCode",
    "CropTypeResult",
    "CropTypeRun",
    "DeclarationSet",
    "DiversificationResult",
    "Job",
    "JobUsage",
    "Json",
    "MachineSample",
    "Marker",
    "MowingResult",
    "MowingRun",
    "ObservationSet",
    "OfferRow",
    "Parcel",
    "PlannedRun",
    "PracticeResult",
    "PracticeRow",
    "PracticeRun",
    "PracticeSet",
    "ProcessorConfig",
    "Product",
    "ProductInput",
    "RadarAcquisition",
    "SceneRow",
    "Season",
    "Sighting",
    "Site",
    "SourceSearch",
    "Upload",
    "WarningRow",
]

"""Which parcels mowing is looked for on: grassland, where anything says which parcels are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sen4cap_core.db.models import CropCode, MowingRun
from sen4cap_core.declarations.settings.l4b_config import Compat, L4BConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.steps.shared.grassland import grassland_codes


@dataclass(frozen=True)
class Selection:
    """The crop codes whose parcels are evaluated, and what says so."""

    crops: tuple[str, ...] | None
    """None for all."""
    reason: str
    """Completes *Mowing was looked for on 12 of 21 parcels, ...*."""
    known: frozenset[str] = frozenset()
    """Codes that the crop code table has."""

    def sentence(self, declared: Sequence[str], n_evaluated: int) -> str:
        """Say how many parcels were evaluated and why the others were not.

        Parameters
        ----------
        declared : crop code of each declared parcel.
        """
        n = len(declared)
        if self.crops is None:
            return f"Mowing was looked for on all {n} parcels: {self.reason}."
        text = f"Mowing was looked for on {n_evaluated} of {n} parcels: {self.reason}."
        n_unknown = sum(code not in self.known and code not in self.crops for code in declared)
        n_other = n - n_evaluated - n_unknown
        left = [f"{n_other} of other crops"] if n_other else []
        left += [f"{n_unknown} with crop codes that the table lacks"] if n_unknown else []
        return f"{text} Left out: {' and '.join(left)}." if left else text


def select_crops(config: L4BConfig, compat: Compat, codes: Sequence[CropCode]) -> Selection:
    """Choose the crops to be evaluated.

    CTNUM_FILTER decides where it names any; else the crop code table does, with the crops that have a rule of
    mowing. The original takes all parcels without a filter.

    Raises
    ------
    NothingToDoError
        With a filter and without a crop code table.
    """
    known = frozenset(code.ori_crop for code in codes)
    if config.ct_numbers:
        if not codes:
            raise NothingToDoError(
                "the mowing configuration has a CTNUM_FILTER but there is no crop code table of this year: "
                "drop one into crop-codes/, or empty the filter"
            )
        passing = sorted(code.ori_crop for code in codes if str(code.ctnum) in config.ct_numbers)
        return Selection(
            tuple(passing), "those whose crop passes CTNUM_FILTER of the mowing configuration", known
        )
    if compat == "sen4cap":
        return Selection(None, "so does the original (compat: sen4cap) without a CTNUM_FILTER")
    if not codes:
        return Selection(None, "there is no crop code table of this year that says which are grassland")
    ruled = {period.crop_code for period in config.compliance}
    grass = grassland_codes(codes)
    return Selection(
        tuple(sorted(grass | ruled)),
        "those of grassland by the crop code table, or with a mowing rule",
        known,
    )


def answers_stay(run: MowingRun) -> str:
    """Say that the answers of a run stay although no parcel is left to look at, and what ends that."""
    return (
        f"the answers up to {run.as_of} on {run.n_parcels} parcels stay in force until there is one. Look at "
        "the crop code table (LC 3, PGrass or TGrass is grassland), the CTNUM_FILTER of the mowing "
        "configuration and the declared crop codes; what is corrected is evaluated by itself"
    )

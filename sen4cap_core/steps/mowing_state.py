"""The state of a season's evaluation, kept so that one more date costs one more date."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.processors.l4b.season import MowingState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptState:
    """A detection state and what it was made from."""

    state: MowingState
    files_key: str
    """Hash of the observation files it has seen."""
    in_images: NDArray[np.bool_]
    """(P,) parcels with a pixel in any image so far."""
    setting_key: str


def save_kept_state(path: Path, kept: KeptState) -> None:
    """Write a state; it appears whole or not at all."""
    arrays = kept.state.to_arrays() | {
        "kept_files_key": np.array(kept.files_key),
        "kept_setting_key": np.array(kept.setting_key),
        "kept_in_images": kept.in_images,
    }
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **arrays)


def load_kept_state(path: Path) -> KeptState | None:
    """Read a state; None where there is none or it cannot be read: the season is then evaluated whole."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        return KeptState(
            MowingState.from_arrays(
                {name: array for name, array in arrays.items() if not name.startswith("kept_")}
            ),
            str(arrays["kept_files_key"]),
            arrays["kept_in_images"],
            str(arrays["kept_setting_key"]),
        )
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        logger.warning("%s cannot be read (%s): the whole season is evaluated", path, error)
        return None

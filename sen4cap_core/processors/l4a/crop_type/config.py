"""Settings of the crop type map, as a small YAML file can change them; the values are the original's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, field_validator

from sen4cap_core.declarations.yaml_models import StrictModel, read_yaml_model
from sen4cap_core.errors import ConfigurationError
from sen4cap_core.files import atomic_path

Method = Literal["default", "sen4cap"]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(gt=0, le=1)]


class CropTypeConfig(StrictModel):
    """All that the classification can be told."""

    mode: Literal["both", "s1-only", "s2-only"] = "both"
    """Satellites the features come from. ``both`` takes what there is."""
    land_covers: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 3, 4)
    """LC classes that are classified."""
    min_s2_pix: Count = 3
    min_s1_pix: Count = 1
    """Parcels with fewer pixels are not classified."""
    best_s2_pix: Count = 10
    """Only parcels with so many Sentinel-2 pixels are learnt from."""
    pa_min: Annotated[int, Field(ge=2)] = 30
    """Fewest parcels to learn from that a crop type needs to be classified."""
    pa_train_h: Count = 4000
    pa_train_l: Count = 1333
    """Class sizes at which the sampling strategy changes: from h on ``sample_ratio_h`` of the class is
    learnt from, from l on ``smote_target`` parcels, below ``sample_ratio_l``."""
    sample_ratio_h: Share = 0.25
    sample_ratio_l: Share = 0.75
    smote_target: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Samples to which a smaller class is filled up with synthetic ones (parity method)."""
    smote_k: Annotated[int, Field(ge=1, le=1000)] = 5
    """Neighbours among which a synthetic sample is made."""
    num_trees: Annotated[int, Field(ge=1, le=10_000)] = 300
    min_node_size: Annotated[int, Field(ge=1)] = 10
    """A node with so few samples is not split further (parity method)."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    optical_step_days: Annotated[int, Field(ge=1, le=60)] = 10
    max_gap_days: Annotated[int, Field(ge=1, le=366)] = 60
    """Longest gap between clear dates, or between weeks with radar, that is bridged without a flag."""
    max_filled_share: Share = 0.7
    """A parcel with a larger share of its features bridged beyond that limit, or unknown, is not
    classified."""
    doubtful_confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    """A prediction that contradicts the declaration with this confidence or more makes it doubtful."""

    @field_validator("land_covers", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        """Read the original's ``1234`` as classes 1 to 4."""
        if isinstance(value, int | str) and str(value).isdigit():
            return tuple(int(digit) for digit in str(value))
        return value


ORIGINAL_NAMES = {"lc": "land_covers", "num-trees": "num_trees"}
"""Keys of the original's configuration that are not our name with hyphens."""


def read_crop_type_config(path: Path) -> CropTypeConfig:
    """Read settings; the original's own keys (``min-s2-pix``, ``processor.s4c_l4a.lc``) are understood.

    Raises
    ------
    ConfigurationError
        When the file cannot be read, a key is not known or a value is out of range.
    """
    if not path.is_file():
        raise ConfigurationError(path, "there is no such file.", remedy="Check the path.")
    try:
        plain = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return read_yaml_model(path, CropTypeConfig)
    if not isinstance(plain, dict) or not any(_ours(str(key)) != str(key) for key in plain):
        return read_yaml_model(path, CropTypeConfig)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        # Renamed first, so that mistakes are reported with the lines of the reader.
        renamed = Path(folder) / path.name
        lines = [_renamed(line) for line in path.read_text(encoding="utf-8").splitlines()]
        with atomic_path(renamed) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_yaml_model(renamed, CropTypeConfig)


def _ours(key: str) -> str:
    bare = key.removeprefix("processor.s4c_l4a.")
    return ORIGINAL_NAMES.get(bare, bare.replace("-", "_"))


def _renamed(line: str) -> str:
    key, colon, rest = line.partition(":")
    if not colon or key != key.strip() or key.startswith("#"):
        return line
    return f"{_ours(key)}:{rest}"

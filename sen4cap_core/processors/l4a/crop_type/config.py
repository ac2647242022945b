"""The settings of a table run: a small YAML file in our words or in the original's."""

from __future__ import annotations

from pathlib import Path

import yaml

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.declarations.texts.yaml_models import read_yaml_model
from sen4cap_core.errors import ConfigurationError
from sen4cap_core.files import atomic_path

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

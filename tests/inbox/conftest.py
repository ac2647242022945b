"""An upload folder on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from sen4cap_core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation in a folder of this test: quick to settle, and to look again."""
    for name in ("SEN4CAP_HOME", "SEN4CAP_UPLOADS", "SEN4CAP_DATA_ROOT", "SEN4CAP_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(home=tmp_path / "home", settle_seconds=0.3, rescan_seconds=2.0)
    settings.uploads_root.mkdir(parents=True)
    return settings


@pytest.fixture
def root(settings: Settings) -> Path:
    """The upload folder."""
    return settings.uploads_root

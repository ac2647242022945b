"""``sen4cap wait`` for a site that nothing will ever come for says so at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from sen4cap_core.cli.work import require_place
from sen4cap_core.db.declared.sites import get_or_create_site
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.errors import Sen4capError
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.service


def test_a_misspelt_site_is_told_with_the_nearest(engine: Engine, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with session_scope(engine) as session:
        get_or_create_site(session, "nld")
        with pytest.raises(Sen4capError, match=r"'ndl' is no site that is known here, did you mean 'nld'\?"):
            require_place(session, settings, "ndl")
        require_place(session, settings, "nld")
        # Somebody made the folder and dropped the first file just now.
        (settings.uploads_root / "ndl").mkdir(parents=True)
        require_place(session, settings, "ndl")

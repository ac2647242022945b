"""What a real Prefect server keeps of sources: how many connections they allow, and accounts."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from flows.fetch_scene import Connections
from flows.search_sources import _state_limits
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.server import migrate
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.service.accounts import stored_account
from sen4cap_core.settings import Settings
from sen4cap_core.sources.accounts import find_account
from sen4cap_core.sources.offers import SourceError
from sen4cap_core.steps.shared.context import open_context
from sen4cap_core.steps.sources.site import sources_of

pytestmark = pytest.mark.service

URL = "https://stac.example.org/v1"


def test_no_more_files_come_at_once_than_the_strictest_site_allows(
    prefect_api: str, empty_postgis_url: str, tmp_path: Path
) -> None:
    migrate.upgrade(empty_postgis_url)
    context = open_context(Settings(home=tmp_path / "home"), empty_postgis_url)
    with context.session() as session:
        for slug, connections in (("polder", 4), ("navarra", 2)):
            site = site_rows.get_or_create_site(session, slug)
            config = {"sources": [{"kind": "stac", "url": URL, "connections": connections}]}
            site_rows.set_config(session, site, config)
    _state_limits(context, ["polder", "navarra"])
    [source] = sources_of(SiteConfig.model_validate({"sources": [{"kind": "stac", "url": URL}]}))
    lock = threading.Lock()
    now, most = 0, 0

    def fetch() -> None:
        nonlocal now, most
        with Connections() as connections:
            # Two files of one run come over the same connection.
            for _ in range(2):
                with connections.hold(source):
                    with lock:
                        now += 1
                        most = max(most, now)
                    time.sleep(0.2)
                    with lock:
                        now -= 1

    # The address of the test's server is a setting of this thread's context.
    threads = [threading.Thread(target=copy_context().run, args=(fetch,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 2
    context.engine.dispose()


def test_an_account_is_kept_in_a_secret_block(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prefect_api
    monkeypatch.delenv("SEN4CAP_ACCOUNT_MIRROR_OF_TESTS", raising=False)
    with pytest.raises(SourceError, match="there is no account"):
        find_account("mirror-of-tests", stored_account)
    values = {"user": "me", "password": "hunter2", "token_url": "https://mirror.example.org/token"}
    Secret(value=values).save("mirror-of-tests")
    account = find_account("mirror-of-tests", stored_account)
    assert (account.user, account.token_url) == ("me", values["token_url"])
    assert account.password is not None
    assert account.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(account)
    # A word alone is a token.
    Secret(value="abc").save("mirror-of-tests", overwrite=True)
    token = find_account("mirror-of-tests", stored_account).token
    assert token is not None
    assert token.get_secret_value() == "abc"

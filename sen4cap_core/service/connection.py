"""The step context of a process: settings and database from its environment."""

from __future__ import annotations

from functools import lru_cache

from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import Context, open_context


@lru_cache(maxsize=1)
def _shared_context() -> Context:
    # One connection pool per process, however many runs it does.
    settings = Settings()
    return open_context(settings, Place(settings).database_url())


def open_step_context(flow_run_id: str | None = None) -> Context:
    """Return the context of a step of this process.

    Raises
    ------
    ServiceError
        When no database is given and ``sen4cap up`` has not made a private one yet.
    """
    shared = _shared_context()
    return Context(shared.settings, shared.engine, flow_run_id)

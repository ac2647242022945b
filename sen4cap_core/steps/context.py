"""What every step is given: settings, a database, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sen4cap_core.db.session import make_engine, session_scope
from sen4cap_core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session


def silent(fraction: float) -> None:
    """Take progress and say nothing."""


@dataclass(frozen=True)
class Context:
    """Settings and database of one process, and the flow run a step belongs to."""

    settings: Settings
    engine: Engine
    flow_run_id: str | None = None
    progress: Callable[[float], None] = silent
    """Called with 0..1 while a step works."""

    def without_progress(self) -> Context:
        """Return the same context for a part of the work, whose own progress nobody watches."""
        return replace(self, progress=silent)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a transaction: committed at the end of the block, rolled back on an error."""
        with session_scope(self.engine) as session:
            yield session


def open_context(settings: Settings, database_url: str) -> Context:
    """Return a context on a database URL."""
    return Context(settings, make_engine(database_url))

"""What every step is given: settings, a database, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sen4cap_core.db.server.session import make_engine, session_scope
from sen4cap_core.settings import Settings
from sen4cap_core.stages import say_nothing, show_nothing

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Context:
    """Settings and database of one process, and the flow run a step belongs to."""

    settings: Settings
    engine: Engine
    flow_run_id: str | None = None
    progress: Callable[[float], None] = show_nothing
    """Called with 0..1 while a step works."""
    say: Callable[[str], None] = say_nothing
    """Called with the name of each part of a long step as it begins."""

    def without_progress(self) -> Context:
        """Return the same context for a part of the work, whose own progress nobody watches."""
        return replace(self, progress=show_nothing, say=say_nothing)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a transaction: committed at the end of the block, rolled back on an error."""
        with session_scope(self.engine) as session:
            yield session


def open_context(settings: Settings, database_url: str) -> Context:
    """Return a context on a database URL."""
    return Context(settings, make_engine(database_url))

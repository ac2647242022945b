"""Connections to PostGIS: engines, transactions, and patience when the server is away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from sqlalchemy import Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from sen4cap_core.errors import ServiceError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

CONNECT_TIMEOUT_SECONDS = 5

# SQLSTATE classes and codes that another try can cure: connection exceptions, serialisation failure,
# deadlock, too many connections, server shutting down, crashed or still starting. Disk full (53100) and
# out of memory (53200) are operational errors too, but trying again at once only makes them worse.
_TRANSIENT_CLASS = "08"
_TRANSIENT_CODES = frozenset({"40001", "40P01", "53300", "57P01", "57P02", "57P03"})


def make_engine(url: str, *, application_name: str = "sen4cap", pool_size: int = 5) -> Engine:
    """Make an engine for a PostGIS database.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host:port/database``; the psycopg 3 driver is chosen here.
    application_name : str
        Shown in ``pg_stat_activity``, so that an operator sees who holds a connection.
    pool_size : int
        Connections kept open; twice as many more are opened under load.

    Notes
    -----
    A pooled connection is tested before use, since the server may have been restarted meanwhile. Sessions
    run in UTC, so instants come back as UTC datetimes.

    Raises
    ------
    ServiceError
        The URL cannot be read.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Without the text, as there may be a password in it.
        expected = "postgresql://user:password@host:5432/sen4cap"
        raise ServiceError(f"This is no address of a database, {expected} was expected.") from None
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=2 * pool_size,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": application_name,
            "options": "-c timezone=UTC",
        },
    )


@contextmanager
def session_scope(engine: Engine) -> Iterator[Session]:
    """Open a session in one transaction: committed at the end, rolled back when an error leaves the block.

    Objects loaded in it stay readable afterwards (they do not expire on commit).
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def alone(engine: Engine, lock: int) -> Iterator[bool]:
    """Hold a lock of the database while inside; False, and nothing is held, where another process has it.

    The lock ends with the connection: one that is killed holds nobody up.
    """
    with engine.begin() as connection:
        yield bool(connection.execute(select(func.pg_try_advisory_xact_lock(lock))).scalar_one())


def is_held(session: Session, lock: int) -> bool:
    """Whether some process is inside ``alone`` with this lock; asks without taking it for a moment."""
    query = text(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND granted AND datname = current_database() AND objsubid = 1"
        " AND classid::bigint = :high AND objid::bigint = :low)"
    )
    return bool(session.execute(query, {"high": lock >> 32, "low": lock & 0xFFFFFFFF}).scalar_one())


def after_commit(session: Session, work: Callable[[], object]) -> None:
    """Do something once the transaction of a session is through; nothing where it is rolled back."""
    event.listen(session, "after_commit", lambda _: work(), once=True)


def is_connection_loss(error: BaseException) -> bool:
    """Whether a database error is of the passing kind: connection lost or refused, deadlock, server restart.

    libpq gives no SQLSTATE when it cannot connect; those errors count as passing, a wrong password included
    (it cannot be told apart), which is why every retry has an end.
    """
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if not isinstance(error.orig, psycopg.OperationalError):
        return False
    code = error.orig.sqlstate
    return code is None or code in _TRANSIENT_CODES or code.startswith(_TRANSIENT_CLASS)


def is_database_trouble(error: BaseException) -> bool:
    """Whether a database error is nobody's programming mistake: connection lost, server down, its disk full.

    For long-lived processes that keep their work and ask again later instead of ending.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return isinstance(error, psycopg.OperationalError)


def with_retry(
    work: Callable[[], Result],
    *,
    attempts: int = 8,
    first_delay_seconds: float = 0.2,
    max_delay_seconds: float = 5.0,
    sleep: Callable[[float], object] = time.sleep,
) -> Result:
    """Run a piece of database work, and again after a lost connection, with growing pauses.

    ``work`` must open its own transaction and be idempotent: a commit whose answer got lost is done twice.
    With the defaults it gives up after about 20 seconds and raises the last error; errors that are not a lost
    connection are raised at once.
    """
    delay_seconds = first_delay_seconds
    for attempt in range(1, attempts + 1):
        try:
            return work()
        except DBAPIError as error:
            if attempt == attempts or not is_connection_loss(error):
                raise
            logger.warning(
                "database not reachable (try %d of %d), again in %.1f s: %s",
                attempt,
                attempts,
                delay_seconds,
                str(error.orig).strip(),
            )
        sleep(delay_seconds)
        delay_seconds = min(2 * delay_seconds, max_delay_seconds)
    raise AssertionError("with_retry needs at least one attempt")


def transact(engine: Engine, work: Callable[[Session], Result], *, attempts: int = 8) -> Result:
    """Run ``work(session)`` in one transaction, and again if the connection is lost (see ``with_retry``)."""

    def once() -> Result:
        with session_scope(engine) as session:
            return work(session)

    return with_retry(once, attempts=attempts)

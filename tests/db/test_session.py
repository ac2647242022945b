"""Transactions, and which errors are worth another try."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from sen4cap_core.db.models import Site
from sen4cap_core.db.server.session import (
    alone,
    is_connection_loss,
    make_engine,
    session_scope,
    transact,
    with_retry,
)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refused() -> OperationalError:
    engine = make_engine(f"postgresql://nobody@127.0.0.1:{_unused_port()}/none")
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    return caught.value


def test_the_driver_is_psycopg_3() -> None:
    assert make_engine("postgresql://a:b@localhost/c").url.drivername == "postgresql+psycopg"


def test_a_refused_connection_is_tried_again_with_growing_pauses() -> None:
    error = _refused()
    pauses: list[float] = []
    outcomes = [error, error, error]

    def work() -> str:
        if outcomes:
            raise outcomes.pop()
        return "done"

    assert with_retry(work, first_delay_seconds=1, max_delay_seconds=3, sleep=pauses.append) == "done"
    assert pauses == [1, 2, 3]


def test_retrying_has_an_end() -> None:
    error = _refused()
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        raise error

    with pytest.raises(OperationalError):
        with_retry(work, attempts=4, sleep=lambda _: None)
    assert len(calls) == 4


@pytest.mark.service
def test_other_errors_are_raised_at_once(engine: Engine) -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        with session_scope(engine) as session:
            session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        with_retry(work, sleep=lambda _: None)
    assert len(calls) == 1


@pytest.mark.service
def test_a_connection_the_server_drops_is_a_passing_error(engine: Engine) -> None:
    with pytest.raises(OperationalError) as caught, session_scope(engine) as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_connection_loss(caught.value)

    # Rows survive one dropped connection: the second try makes them.
    tries: list[int] = []

    def work(session: object) -> int:
        tries.append(1)
        if len(tries) == 1:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))  # type: ignore[attr-defined]
        return session.execute(text("SELECT 7")).scalar_one()  # type: ignore[attr-defined]

    assert transact(engine, work) == 7
    assert len(tries) == 2


@pytest.mark.service
def test_a_scope_commits_whole_or_not_at_all(engine: Engine) -> None:
    def add_twice() -> None:
        with session_scope(engine) as session:
            session.add(Site(slug="a", name="A"))
            session.flush()
            session.add(Site(slug="a", name="A again"))

    with pytest.raises(IntegrityError):
        add_twice()
    with session_scope(engine) as session:
        assert session.query(Site).count() == 0
        session.add(Site(slug="b", name="B"))
    with session_scope(engine) as session:
        site = session.query(Site).one()
    assert site.slug == "b"
    assert site.created_at.utcoffset().total_seconds() == 0


@pytest.mark.service
def test_what_one_process_does_alone_another_leaves_to_it(postgis_url: str) -> None:
    first, second = make_engine(postgis_url), make_engine(postgis_url)
    with alone(first, 7) as mine, alone(second, 7) as theirs, alone(second, 8) as another:
        assert (mine, theirs, another) == (True, False, True)
    with alone(second, 7) as theirs:
        assert theirs
    # A process that is killed takes its connection with it.
    with pytest.raises(RuntimeError, match="killed"), alone(first, 7):
        raise RuntimeError("killed")
    with alone(second, 7) as theirs:
        assert theirs
    for engine in (first, second):
        engine.dispose()

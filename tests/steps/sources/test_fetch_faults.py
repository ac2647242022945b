"""Faults while a scene is fetched: the disk is full, the database restarts."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from sen4cap_core.db.models import Job
from sen4cap_core.service.cluster import Cluster
from sen4cap_core.sources import transfer
from sen4cap_core.steps.scenes.ingest import IngestReport, ingest_scenes
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.sources import fetch as fetching
from tests.steps.sources.test_sources_way import Network, network

pytestmark = pytest.mark.service
__all__ = ["network"]


def files_of(network: Network) -> list[Path]:
    downloads = network.desk.context.settings.data / "downloads"
    return [path for path in downloads.rglob("*") if path.is_file()]


def test_a_full_disk_leaves_the_offer_open_and_it_comes_when_there_is_room(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(folder: Path, n_bytes: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    network.offer(network.first, 16)
    network.search()
    with monkeypatch.context() as full:
        full.setattr(transfer, "require_room", no_room)
        with pytest.raises(OSError, match="No space left"):
            network.fetch(16)
    assert network.states() == {"first": ["offered"]}
    assert not [path for path in files_of(network) if path.suffix == ".tif"]

    done = network.fetch(16)

    assert done.path.exists()
    assert network.states() == {"first": ["fetched"]}


def test_a_database_that_restarts_while_files_come_loses_nothing(
    network: Network, postgis_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.offer(network.first, 16)
    network.search()
    opened = fetching.open_source
    cut: list[int] = []

    def open_and_cut(*arguments: Any) -> Any:
        source = opened(*arguments)
        fetch = source.fetch

        def fetch_and_cut(*given: Any) -> Path:
            path = fetch(*given)
            with psycopg.connect(postgis_cluster.url("postgres", superuser=True), autocommit=True) as admin:
                # What a restart does to every client.
                rows = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tests_steps'"
                ).fetchall()
            cut.append(len(rows))
            return Path(path)

        monkeypatch.setattr(source, "fetch", fetch_and_cut)
        return source

    monkeypatch.setattr(fetching, "open_source", open_and_cut)

    done = network.fetch(16)

    assert cut[0] >= 1
    assert network.states() == {"first": ["fetched"]}
    assert done.upload_id > 0


@pytest.mark.parametrize("passes", [True, False])
def test_a_registration_that_breaks_off_is_tried_again_or_left_to_another(
    network: Network, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    network.offer(network.first, 16)
    network.search()
    tries: list[list[int]] = []

    def breaks_off(context: Context, upload_ids: list[int]) -> IngestReport:
        tries.append(upload_ids)
        if passes and len(tries) > 1:
            return ingest_scenes(context, upload_ids)
        if passes:
            raise OperationalError("update", {}, psycopg.errors.DeadlockDetected("deadlock detected"))
        raise RuntimeError("a mistake")

    monkeypatch.setattr(fetching, "ingest_scenes", breaks_off)
    if passes:
        network.fetch(16)
    else:
        with pytest.raises(RuntimeError, match="a mistake"):
            network.fetch(16)
    assert len(tries) == (2 if passes else 1)
    with network.desk.context.session() as session:
        [job] = session.scalars(select(Job).where(Job.kind == "ingest-scene"))
        # Nobody holds it: what was not done waits for the next who looks, and not for a lease to run out.
        assert (job.state, job.lease_owner) == ("done" if passes else "waiting", None)

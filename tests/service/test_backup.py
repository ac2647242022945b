"""A dump of the tables fills an empty installation: rows, numbers, triggers, moved files, an older schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from sen4cap_core.db.server import databases
from sen4cap_core.db.server.migrate import current, drift, head, upgrade
from sen4cap_core.errors import ServiceError
from sen4cap_core.service.backup import Named, dump, move, restore
from sen4cap_core.service.cluster import ROLE, Cluster
from sen4cap_core.service.place import Place
from sen4cap_core.service.state import only_one
from sen4cap_core.service.supervisor import LOCK
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.service
_numbers = itertools.count(1)


@pytest.fixture
def new_place(postgis_cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """Make installations, each on an empty database of its own."""
    admin = postgis_cluster.url("postgres", superuser=True)
    made = []

    def make() -> Place:
        name = f"backup_{next(_numbers)}"
        databases.ensure_database(admin, name, owner=ROLE, template="empty_postgis")
        made.append(name)
        return Place(Settings(home=tmp_path / name, database_url=SecretStr(postgis_cluster.url(name))))

    yield make
    for name in made:
        databases.drop_database(admin, name)


def fill(place: Place, folder: Path, revision: str = "head") -> None:
    """Enter a site with a dropped scene in ``folder`` and one in an archive."""
    upgrade(place.database_url(), revision)
    with psycopg.connect(place.database_url()) as connection:
        connection.execute(
            "INSERT INTO site (slug, name, tiles, config, enabled) VALUES ('nl', 'NL', '{}', '{}', true)"
        )
        for number, path in enumerate((folder / "nl/2019/scenes/a.zip", Path("/eodata/b.SAFE"))):
            connection.execute(
                "INSERT INTO upload (site_slug, year, kind, path, size_bytes, sha256, state)"
                " VALUES ('nl', 2019, 'scene', %s, 1, %s, 'received')",
                (str(path), str(number) * 64),
            )
        connection.execute(
            "INSERT INTO sighting (path, size_bytes, mtime_ns, upload_id)"
            " SELECT path, 1, 2, id FROM upload WHERE path LIKE '%a.zip'"
        )


def rows(place: Place, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(place.database_url()) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


TRIGGERS = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"


def test_a_dump_fills_an_installation_that_was_up_already(
    new_place: Callable[[], Place], tmp_path: Path
) -> None:
    old, new = new_place(), new_place()
    fill(old, Path("/old/uploads"))
    assert dump(old, tmp_path / "tables.dump") == (tmp_path / "tables.dump").stat().st_size
    assert (tmp_path / "tables.dump").stat().st_mode & 0o077 == 0
    # As after a first `up`: a machine has reported already, under a number that the dump may have as well.
    upgrade(new.database_url())
    sample = (
        "INSERT INTO machine_sample (host, taken_at, cpu_percent, n_cores, memory_bytes, memory_free_bytes,"
        " disk_bytes, disk_free_bytes) VALUES ('here', now(), 1, 1, 1, 1, 1, 1) RETURNING id"
    )
    rows(new, sample)

    done = restore(new, tmp_path / "tables.dump", [(Path("/old/uploads/"), Path("/new/place"))])

    # What lies outside is told: of an archive it is right, of a former home it is not.
    assert done == Named(2, 2, 2, ["/eodata/b.SAFE", "/new/place/nl/2019/scenes/a.zip"])
    assert rows(new, "SELECT path FROM upload ORDER BY id") == [
        ("/new/place/nl/2019/scenes/a.zip",),
        ("/eodata/b.SAFE",),
    ]
    assert rows(new, "SELECT path, mtime_ns FROM sighting") == [("/new/place/nl/2019/scenes/a.zip", 2)]
    assert rows(new, TRIGGERS) == rows(old, TRIGGERS) != []
    assert drift(new.database_url()) == []
    # Numbers go on where they were.
    assert rows(new, "SELECT nextval(pg_get_serial_sequence('upload', 'id'))") == [(3,)]


def test_a_dump_of_an_earlier_version_is_brought_to_this_one(
    new_place: Callable[[], Place], tmp_path: Path
) -> None:
    old, new = new_place(), new_place()
    fill(old, tmp_path, "20261127_site_life")
    dump(old, tmp_path / "tables.dump")
    restore(new, tmp_path / "tables.dump")
    assert current(new.database_url()) == head() != current(old.database_url())
    assert drift(new.database_url()) == []
    assert rows(new, "SELECT slug FROM site") == [("nl",)]


def test_nothing_is_restored_over_what_is_there(new_place: Callable[[], Place], tmp_path: Path) -> None:
    place = new_place()
    fill(place, tmp_path)
    dump(place, tmp_path / "tables.dump")
    with pytest.raises(ServiceError, match="There is something here already"):
        restore(place, tmp_path / "tables.dump")
    assert rows(place, "SELECT count(*) FROM upload") == [(2,)]


def test_nothing_is_restored_or_renamed_under_running_services(
    new_place: Callable[[], Place], tmp_path: Path
) -> None:
    place = new_place()
    with only_one(place.run / LOCK):
        for work in (
            lambda: restore(place, tmp_path / "tables.dump"),
            lambda: move(place, tmp_path, tmp_path),
        ):
            with pytest.raises(ServiceError, match="sen4cap down"):
                work()


def test_a_file_that_is_no_dump_is_said(new_place: Callable[[], Place], tmp_path: Path) -> None:
    place = new_place()
    (tmp_path / "tables.dump").write_text("no dump")
    with pytest.raises(ServiceError, match="pg_restore refused"):
        restore(place, tmp_path / "tables.dump")
    with pytest.raises(ServiceError, match="There is no file"):
        restore(place, tmp_path / "none.dump")


def test_a_folder_that_was_moved_is_named_anew(new_place: Callable[[], Place], tmp_path: Path) -> None:
    place = new_place()
    old, new = tmp_path / "old", tmp_path / "new"
    fill(place, old)
    with pytest.raises(ServiceError, match="move the files first"):
        move(place, old, new)
    (new / "nl/2019/scenes").mkdir(parents=True)
    (new / "nl/2019/scenes/a.zip").touch()
    # The upload and its sighting; the one in an archive stays, and its file is not here.
    assert move(place, old, new) == Named(2, 2, 1, ["/eodata/b.SAFE", str(new / "nl/2019/scenes/a.zip")])
    # Only whole folders: /new does not begin /newer.
    assert move(place, tmp_path / "ne", new).renamed == 0
    ours = place.settings.uploads_root
    ours.mkdir(parents=True)
    assert move(place, new, ours).elsewhere == ["/eodata/b.SAFE"]
    assert move(place, ours, new).renamed == 2
    assert rows(place, "SELECT path FROM sighting") == [(str(new / "nl/2019/scenes/a.zip"),)]

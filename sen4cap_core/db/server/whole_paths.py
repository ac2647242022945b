"""Files that rows name by their whole path: named anew when people move them."""

from __future__ import annotations

import psycopg
from psycopg import sql

PATHS = (
    ("upload", "path"),
    ("upload", "dropped_as"),
    ("sighting", "path"),
    ("scene", "path"),
    ("radar_acquisition", "path"),
    ("offer", "path"),
)
"""Table and column; paths of products lie below the data root and name only the rest."""


class KnownThereError(Exception):
    """Files of the new folder have rows already, beside those of the old one."""


def rename_folder(url: str, old: str, new: str) -> int:
    """Replace the beginning of all paths below a folder; return how many were renamed, all or none.

    Raises
    ------
    KnownThereError
        A path would be there twice.
    """
    values = {"before": old.rstrip("/"), "after": new.rstrip("/")}
    renamed = 0
    with psycopg.connect(url) as connection:
        for table, column in PATHS:
            statement = sql.SQL(
                "UPDATE {table} SET {column} = %(after)s || substr({column}, length(%(before)s) + 1)"
                " WHERE {column} = %(before)s OR starts_with({column}, %(before)s || '/')"
            ).format(table=sql.Identifier(table), column=sql.Identifier(column))
            try:
                renamed += connection.execute(statement, values).rowcount
            except psycopg.errors.UniqueViolation as error:
                raise KnownThereError(new) from error
    return renamed


def upload_paths(url: str) -> list[str]:
    """Return where the files of all uploads are said to lie; those that retention gave up are left out."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT path FROM upload WHERE retired_at IS NULL ORDER BY path")
        return [str(row[0]) for row in found]


def rows_of(url: str, table: str) -> int:
    """Count the rows of a table; 0 where there is no such table."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            return 0
        found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        return int((found.fetchone() or (0,))[0])

"""Which operating-system user a server runs as: never root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import ServiceError

UNPRIVILEGED_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class OsUser:
    """A user a child process is switched to before it executes."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Hand a file or folder (not what is below it) to this user."""
        os.chown(path, self.uid, self.gid)


def unprivileged_user() -> OsUser | None:
    """Return the user for PostgreSQL when we are root, None when we are somebody else already.

    Raises
    ------
    ServiceError
        When we are root and the machine has no user to step down to.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return OsUser(name, entry.pw_uid, entry.pw_gid)
    raise ServiceError(
        "PostgreSQL refuses to run as root, and this machine has no user named "
        f"{' or '.join(UNPRIVILEGED_USERS)}. Create one (useradd --system postgres), "
        "or run sen4cap as another user."
    )


def require_reachable(folder: Path, user: OsUser | None) -> None:
    """Check that ``user`` may pass through all folders above ``folder``.

    Raises
    ------
    ServiceError
        Naming the folder that is closed to the user, and the remedy.
    """
    if user is None:
        return
    for parent in folder.resolve().parents:
        if not parent.exists():
            continue
        status = parent.stat()
        bit = (
            stat.S_IXUSR
            if status.st_uid == user.uid
            else stat.S_IXGRP
            if status.st_gid == user.gid
            else stat.S_IXOTH
        )
        if not status.st_mode & bit:
            raise ServiceError(
                f"The database runs as user {user.name}, who may not enter {parent}. "
                f"Set SEN4CAP_HOME to a folder everybody may pass through, or run: chmod o+x {parent}"
            )

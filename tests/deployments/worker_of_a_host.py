"""A worker as on a host of its own: claims jobs of the table, holds them a moment, writes down what it did.

python worker_of_a_host.py <home> <host name>; the database is in SEN4CAP_DATABASE_URL.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from sen4cap_core.db import jobs
from sen4cap_core.settings import Settings
from sen4cap_core.steps.context import open_context
from sen4cap_core.steps.leases import claim_next, keep_leases, new_owner, take_back_orphans

WORK_SECONDS = 0.03


def main(home: str, host: str) -> None:
    """Work until nothing is left to do, or for good where the job says so."""
    socket.gethostname = lambda: host  # owners tell hosts apart by it
    settings = Settings(home=Path(home), lease_seconds=1.5)
    assert settings.database_url is not None
    context = open_context(settings, settings.database_url.get_secret_value())
    owner = new_owner()
    idle_since = time.monotonic()
    with (Path(home) / "done.txt").open("a", buffering=1) as log:
        while time.monotonic() - idle_since < 4.0:
            take_back_orphans(context)
            job = claim_next(context, ["work"], owner)
            if job is None:
                time.sleep(0.05)
                continue
            with keep_leases(context, [job]):
                log.write(f"begun {job.key}\n")
                if job.key == os.environ.get("HANGS_ON"):
                    time.sleep(600)
                time.sleep(WORK_SECONDS)
                with context.session() as session:
                    if jobs.finish(session, job.id, owner):
                        log.write(f"done {job.key}\n")
            idle_since = time.monotonic()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

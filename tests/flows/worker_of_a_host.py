"""The warm worker as on a host of its own: ``python worker_of_a_host.py <host name>``.

Where its home, the shared store, the database and the Prefect server are is in its environment.
"""

from __future__ import annotations

import socket
import sys

from flows import worker

if __name__ == "__main__":
    host = sys.argv[1]
    socket.gethostname = lambda: host  # what hosts are told apart by
    # Nothing is dropped, and it would be 8 s of a core.
    worker.prepare_drains = worker.warm_up = lambda: None
    worker.main()

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
    # The test itself receives, from places outside the upload folder.
    worker.WarmWorker._receive = lambda self: None
    worker.warm_up = lambda: None
    worker.main()

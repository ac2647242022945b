from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from sen4cap_core.service.place import SUPERVISED_MARK
from sen4cap_core.service.processes import end, is_listening, supervised_processes

LISTENS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    server.accept()
"""


def test_a_port_counts_as_ours_only_where_a_process_of_this_home_holds_it(tmp_path: Path) -> None:
    home, other = tmp_path / "a", tmp_path / "b"
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS],
        env={**os.environ, SUPERVISED_MARK: str(home)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert is_listening(home, port)
        # It answers there, and is another installation's.
        assert socket.create_connection(("127.0.0.1", port)).close() is None
        assert not is_listening(other, port)
        assert not is_listening(home, port + 1)
    finally:
        end(supervised_processes(home))
        process.wait()

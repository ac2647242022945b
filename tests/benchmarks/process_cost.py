"""What a process has cost: seconds, processor time and the most memory it held.

``ru_maxrss`` of a process begins with what its parent held when it was started, so it is asked only where the
parent is an interpreter that has nothing loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_RUN = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
seconds = time.perf_counter() - began
if done.returncode:
    sys.exit(f"{sys.argv[1:]} ended with {done.returncode}: {done.stderr[-2000:]}")
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


def cpu_seconds() -> float:
    """Of this process and of the programs it ran."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def peak_resident_mb() -> float:
    """The most memory this process held, whatever its parent held before it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def cost_of_command(command: Sequence[str]) -> tuple[float, float]:
    """Return seconds and peak memory [MB] of a command in a new process; an error with its last words."""
    told = subprocess.run(
        [sys.executable, "-c", _RUN, *command], stdout=subprocess.PIPE, check=True, text=True
    )
    seconds, peak_mb = json.loads(told.stdout)
    return seconds, peak_mb

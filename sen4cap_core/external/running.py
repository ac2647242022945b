"""Run another program to its end: own process group, time limit, log in a file, outputs checked."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import Sen4capError

POLL_SECONDS = 0.1
END_SECONDS = 10.0
"""How long a program may take to end when asked; then it is killed."""
MAX_LOG_BYTES = 512 * 1024 * 1024
"""A program that writes more than this is out of its mind, and would fill the disk."""
TAIL_BYTES = 64 * 1024


class ExternalProgramError(Sen4capError):
    """A program failed, hung, or said it was done and was not."""

    def __init__(self, program: str, what: str, *, log: Path | None = None, final: bool = False) -> None:
        self.program = program
        self.what = what
        self.log = log
        self.final = final
        """Trying again would end in the same way: the input is what is wrong."""
        lines = [f"{program}: {what}"]
        if log is not None:
            lines.append(f"Its log: {log}")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class FinishedRun:
    """A program that ended with code 0."""

    seconds: float
    log: Path
    """Everything it printed, both streams in the order they came."""

    def find(self, pattern: str) -> re.Match[str] | None:
        """Search the log line by line; None where no line matches."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return next((found for line in lines if (found := re.search(pattern, line))), None)


def run_program(
    command: Sequence[str | Path],
    *,
    program: str,
    folder: Path,
    log: Path,
    time_limit_seconds: float,
    environment: Mapping[str, str] | None = None,
    on_kill: Sequence[str] = (),
    while_running: Callable[[], None] | None = None,
    final_texts: Sequence[str] = (),
) -> FinishedRun:
    """Run a program in a folder until it ends.

    Parameters
    ----------
    command : the program and its arguments; no shell is involved
    program : its name, for people (``MAJA``)
    folder : working directory, made where it does not exist
    log : file that gets everything it prints; replaced
    time_limit_seconds : after so long its whole process group is killed
    environment : added to that of this process
    on_kill : command run when it had to be killed; a container lives on when its client dies
    while_running : called every tenth of a second; what it raises kills the program and is raised on
    final_texts : regular expressions; when a failed program printed one of them, trying again is no use

    Raises
    ------
    ExternalProgramError
        It could not be started, ended with another code than 0 or by a signal, took longer than the time
        limit, or flooded its log. The last lines of the log are in the message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with log.open("wb") as output:
        try:
            # A session of its own is a process group of its own: all it starts can be ended with it.
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise ExternalProgramError(
                program,
                f"cannot be started ({error}). Check the path in its setting, and that it may be executed.",
            ) from error
    try:
        fault = _wait(process, start, time_limit_seconds, log, while_running)
    finally:
        # Also what it left running in the background, and also when we ourselves are told to stop.
        killed = _end_group(process)
        if killed and on_kill:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    on_kill, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
                )
    code = process.returncode
    if fault is None and code != 0:
        fault = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if fault is not None:
        tail = log_tail(log)
        said = next((text for text in final_texts if re.search(text, tail, re.IGNORECASE)), None)
        raise ExternalProgramError(program, _explain(fault, tail), log=log, final=said is not None)
    return FinishedRun(time.monotonic() - start, log)


def check_outputs(program: str, folder: Path, patterns: Sequence[str], log: Path | None = None) -> list[Path]:
    """Return one file or folder for each pattern below ``folder``; exit code 0 is no proof of them.

    Parameters
    ----------
    patterns : glob patterns relative to the folder; of several matches the first by name is returned

    Raises
    ------
    ExternalProgramError
        Something is missing, or a file is empty. All such patterns are named.
    """
    found, missing = [], []
    for pattern in patterns:
        matches = sorted(folder.glob(pattern))
        good = [path for path in matches if path.is_dir() or path.stat().st_size > 0]
        if good:
            found.append(good[0])
        else:
            missing.append(f"{pattern} ({'empty' if matches else 'missing'})")
    if missing:
        raise ExternalProgramError(
            program,
            f"said it was done, but its outputs are not there in {folder}: {', '.join(missing)}",
            log=log,
        )
    return found


def log_tail(log: Path, n_bytes: int = TAIL_BYTES) -> str:
    """Last part of a log as text; empty where there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - n_bytes))
            return handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _wait(
    process: subprocess.Popen[bytes],
    start: float,
    limit: float,
    log: Path,
    while_running: Callable[[], None] | None,
) -> str | None:
    """Wait for the end; say what is wrong when it has to be ended by us."""
    while True:
        try:
            process.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        else:
            return None
        if time.monotonic() - start > limit:
            return f"did not end within {limit:g} s and was killed"
        if log.stat().st_size > MAX_LOG_BYTES:
            return f"printed more than {MAX_LOG_BYTES // 2**20} MB and was killed"
        if while_running is not None:
            while_running()


def _end_group(process: subprocess.Popen[bytes]) -> bool:
    """End the process group, whatever is left of it; True when the program itself still ran."""
    was_running = process.poll() is None
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            # The number of a group is not given out again while a member lives.
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        if was_running and number == signal.SIGTERM:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=END_SECONDS)
    process.wait()
    return was_running


def _explain(fault: str, tail: str) -> str:
    lines = [line for line in tail.splitlines() if line.strip()][-5:]
    return f"{fault}." + (
        "".join(f"\n  | {line[:300]}" for line in lines) if lines else " It printed nothing."
    )

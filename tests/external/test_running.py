"""The runner, on small shell scripts that do what programs do wrong."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import psutil
import pytest

from sen4cap_core.errors import ServiceError
from sen4cap_core.external import running
from sen4cap_core.external.programs import find_program
from sen4cap_core.external.running import ExternalProgramError, check_outputs, run_program


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(path: Path, *words: str, **options: object) -> running.FinishedRun:
    arguments = {"time_limit_seconds": 20.0, **options}
    return run_program(
        [path, *words],
        program="Thing",
        folder=path.parent / "work",
        log=path.parent / "logs/it.log",
        **arguments,
    )  # type: ignore[arg-type]


def test_a_program_that_ends_well(tmp_path: Path) -> None:
    program = script(tmp_path / "ok", 'echo "$1 $COLOUR"; echo "to stderr" >&2; touch made; echo x > full')

    done = run(program, "a b; c", environment={"COLOUR": "red"})

    assert done.log.read_text() == "a b; c red\nto stderr\n"
    assert done.find(r"(\w+) stderr").group(1) == "to"  # type: ignore[union-attr]
    assert done.find("nothing of that kind") is None
    assert check_outputs("Thing", tmp_path / "work", ["f*"]) == [tmp_path / "work/full"]
    with pytest.raises(ExternalProgramError, match=r"made \(empty\), other/\* \(missing\)"):
        check_outputs("Thing", tmp_path / "work", ["full", "made", "other/*"])


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    program = script(
        tmp_path / "bad", 'echo "first"; echo "No pixel is valid. Return null statistics"; exit 3'
    )

    with pytest.raises(ExternalProgramError, match="ended with exit code 3") as caught:
        run(program)
    with pytest.raises(ExternalProgramError) as final:
        run(program, final_texts=["number of clouds", "no pixel is VALID"])

    assert "No pixel is valid" in str(caught.value)
    assert str(tmp_path / "logs/it.log") in str(caught.value)
    assert not caught.value.final
    assert final.value.final


def test_a_program_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "END_SECONDS", 0.2)
    program = script(
        tmp_path / "hang", "trap '' TERM\nsh -c 'trap \"\" TERM; sleep 600' &\necho $! > ../child\nsleep 600"
    )

    with pytest.raises(ExternalProgramError, match=r"did not end within 0\.5 s and was killed"):
        run(program, time_limit_seconds=0.5, on_kill=["touch", str(tmp_path / "told")])

    child = int((tmp_path / "child").read_text())
    wait_until_gone(child)
    assert (tmp_path / "told").exists()


def test_what_it_leaves_in_the_background_ends_too(tmp_path: Path) -> None:
    program = script(tmp_path / "leave", "sleep 600 & echo $! > ../child")

    run(program)

    wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_stop_from_outside_ends_it(tmp_path: Path) -> None:
    program = script(tmp_path / "long", "echo $$ > ../pid; sleep 600")

    def stop() -> None:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(program, while_running=stop)

    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_a_flood_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MAX_LOG_BYTES", 100_000)
    program = script(tmp_path / "flood", "while true; do echo some more text that nobody reads; done")

    with pytest.raises(ExternalProgramError, match="printed more than"):
        run(program)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExternalProgramError, match="cannot be started"):
        run(tmp_path / "nowhere")
    with pytest.raises(ServiceError, match="SEN4CAP_THING is '/no/where'"):
        find_program("Thing", "/no/where", "SEN4CAP_THING", [])


def test_an_image_becomes_a_container_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = script(tmp_path / "podman", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))

    program = find_program("Thing", "podman:some/image:4.5", "SEN4CAP_THING", [tmp_path, tmp_path / "x"])

    assert program.words[:3] == (str(engine), "run", "--rm")
    assert program.words[-1] == "some/image:4.5"
    assert f"{tmp_path}:{tmp_path}" in program.words
    assert f"{os.getuid()}:{os.getgid()}" in program.words
    assert program.on_kill == (str(engine), "kill", program.container)
    with pytest.raises(ServiceError, match="docker is not installed"):
        find_program("Thing", "docker:some/image", "SEN4CAP_THING", [])


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")

"""Where an external program is: a binary, or an image that a container engine runs."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import ServiceError

ENGINES = ("docker", "podman")


@dataclass(frozen=True)
class Program:
    """How to call a program."""

    name: str
    words: tuple[str, ...]
    """First words of its command line."""
    container: str | None = None
    """Name of the container it will run in."""
    engine: str | None = None

    @property
    def on_kill(self) -> tuple[str, ...]:
        """Command that ends it when its process is gone; empty for a binary."""
        return (self.engine, "kill", self.container) if self.engine and self.container else ()


def find_program(name: str, setting: str, variable: str, folders: Sequence[Path]) -> Program:
    """Understand a setting: a path, a name on ``PATH``, or ``docker:<image>`` / ``podman:<image>``.

    Parameters
    ----------
    name : the program's name, for people
    setting : what the operator wrote
    variable : the environment variable it was written in, for the error
    folders : what a container must see, under the same paths as here

    Raises
    ------
    ServiceError
        There is no such program or engine.
    """
    engine, _, image = setting.partition(":")
    if engine in ENGINES and image:
        found = shutil.which(engine)
        if found is None:
            raise ServiceError(f"{variable} is {setting!r}, but {engine} is not installed")
        container = f"sen4cap-{uuid.uuid4().hex[:12]}"
        words = [found, "run", "--rm", "--network=none", "--name", container]
        words += ["--user", f"{os.getuid()}:{os.getgid()}"]
        for folder in dict.fromkeys(str(path.resolve()) for path in folders):
            words += ["--volume", f"{folder}:{folder}"]
        return Program(name, (*words, image), container, found)
    found = shutil.which(setting)
    if found is None:
        raise ServiceError(
            f"{variable} is {setting!r}: there is no such program, or it may not be executed. "
            f"Give the path of {name}, or docker:<image>"
        )
    return Program(name, (found,))

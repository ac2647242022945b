"""A supervisor over stand-in services: cheap children that behave like the real ones, or misbehave.

Run as ``python stand_ins.py SET``: what ``sen4cap up`` leaves behind, with these children instead.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from sen4cap_core.service.place import SUPERVISED_MARK, Place, make_folders
from sen4cap_core.service.supervisor import supervise
from sen4cap_core.service.units import Unit, standard_units
from sen4cap_core.settings import Settings

STAND = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
WITH_ORPHAN = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "time.sleep(600)"
)
REMEMBER_END = (
    "import pathlib, signal, sys, time\n"
    "def end(*_):\n"
    "    with open('ends.txt', 'a') as f: f.write(sys.argv[1] + '\\n')\n"
    "    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "pathlib.Path(sys.argv[1] + '.ready').touch()\n"
    "time.sleep(600)"
)
"""Also says that it is ready, so that readiness is asked of a file."""


def unit(place: Place, name: str, code: str, *arguments: str, **settings: object) -> Unit:
    """Return a unit that runs a piece of Python."""
    return Unit(
        name,
        name,
        lambda: [sys.executable, "-c", code, *arguments],
        {**os.environ, SUPERVISED_MARK: str(place.home)},
        place.home,
        **settings,  # type: ignore[arg-type]
    )


def ordered_units(place: Place) -> list[Unit]:
    """Return a chain: base, a step done once, then two that need both."""

    def chained(name: str, *needs: str) -> Unit:
        marker = place.home / f"{name}.ready"
        return unit(
            place,
            name,
            REMEMBER_END,
            name,
            needs=needs,
            before=lambda: marker.unlink(missing_ok=True),
            ready=marker.exists,
        )

    once = unit(place, "once", "open('once.txt', 'a').write('done\\n')", needs=("base",), once=True)
    return [chained("top", "middle"), chained("middle", "base", "once"), once, chained("base")]


def mixed_units(place: Place) -> list[Unit]:
    """Return one that stands, one that hears no signal, one whose child leaves its session."""
    return [
        unit(place, "plain", STAND),
        unit(place, "deaf", DEAF, stop_timeout_s=0.5),
        unit(place, "parent", WITH_ORPHAN),
    ]


def broken_units(place: Place) -> list[Unit]:
    """Return one that stands, and one that never comes up."""
    return [
        unit(place, "plain", STAND),
        unit(
            place,
            "broken",
            "import sys; print('no such thing as a free lunch', file=sys.stderr); sys.exit(3)",
            needs=("plain",),
            ready=lambda: False,
        ),
    ]


def real_units(place: Place) -> list[Unit]:
    """Return the real services; only the watcher, which has tests of its own, is replaced."""
    return [
        replace(real, command=lambda: [sys.executable, "-c", STAND]) if real.name == "watcher" else real
        for real in standard_units(place)
    ]


SETS = {"ordered": ordered_units, "mixed": mixed_units, "broken": broken_units, "real": real_units}


def main() -> None:
    """Supervise the set named in the environment."""
    place = Place(Settings(home=Path(os.environ["SEN4CAP_HOME"])))
    make_folders(place)
    sys.exit(supervise(place, SETS[sys.argv[1]], poll_s=0.02, backoff_s=(0.1, 0.2)))


if __name__ == "__main__":
    main()

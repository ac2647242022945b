"""Play the tour of docs/tour.md, command by command, and take its pictures.

    python -m tests.benchmarks.tour --home /tmp/tour [--images docs/images]

Takes a home of its own, ten to twenty minutes. Ends with an error at the first command that fails, and where
the page quotes what was not printed. Pages are taken with a browser, charts as they stand on the pages.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
ANYTHING = "…"
LARGEST_BYTES = 150_000
_BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_MARK = "=== block "


@dataclass(frozen=True)
class Block:
    """Commands of the page and what it says they print."""

    commands: str
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page of the interface that is taken."""

    key: str
    """Start of its artifact's key."""
    texts: tuple[str, ...]
    """To wait for."""
    height_px: int


PAGES = {
    "tour-receipt": Page("receipt-tour-2019-declaraciones", ("declared parcels", "Holdings"), 1050),
    "tour-scene": Page("scene-tour-30tum-20190827", ("30TUM on 2019-08-27",), 1150),
    "tour-radar": Page("scene-tour-30tum-20190915t06", ("_COHE_30TUM",), 1150),
    "tour-mowing": Page("mowing-tour-main-2019", ("Mowing events", "Latest mowings"), 1370),
    "tour-practices": Page("practices-tour-2019-na", ("Harvest weeks",), 1690),
    "tour-crops": Page("crop-types-tour-main", ("Overall accuracy", "Most doubtful declarations"), 1250),
    "tour-season": Page("season-report-tour", ("What work took", "Parcels nobody has seen"), 1450),
    "tour-products": Page("products-tour", ("Agricultural practices (L4C)", "Newest files"), 1000),
}
RUNS = {"tour-runs": Page("runs", ("process-scene 30TUM", "monitor-practices tour"), 1150)}
CHARTS = {
    "tour-parcel": ("ndvi-tour-2019-01-0000001", 0),
    "tour-practice": ("practices-tour-", -1),
    "tour-crop-map": ("crop-types-tour-main", 0),
}
"""Charts larger than on the page: start of the artifact's key, which of its pictures."""


def blocks(text: str) -> list[Block]:
    """Return the commands of the tour, a block each, with what the page quotes of their output."""
    return [Block(commands, tuple(quoted.splitlines())) for commands, quoted in _BLOCK.findall(text)]


def not_printed(quoted: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return the quoted lines that were not printed in their order; blanks at their ends do not count."""
    missing, place = [], 0
    for line in quoted:
        parts = [re.escape(part) for part in line.strip().split(ANYTHING)]
        pattern = re.compile(".*".join(parts))
        if line.strip() == ANYTHING:
            continue
        for number in range(place, len(printed)):
            if pattern.fullmatch(printed[number].strip()):
                place = number + 1
                break
        else:
            missing.append(line)
    return missing


def play(home: Path, tour: Sequence[Block]) -> list[str]:
    """Run the blocks in one shell; stop at the first command that fails.

    Returns
    -------
    list of str
        What the page quotes and no command printed.
    """
    script = "set -euo pipefail\n" + "\n".join(
        f"echo '{_MARK}{number}'\n{block.commands}" for number, block in enumerate(tour)
    )
    environment = {**os.environ, "SEN4CAP_HOME": str(home), "COLUMNS": "200"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    printed: dict[int, list[str]] = defaultdict(list)
    number = 0
    with subprocess.Popen(
        ["bash", "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as shell:
        assert shell.stdout is not None
        for line in shell.stdout:
            print(line, end="", flush=True)
            if line.startswith(_MARK):
                number = int(line.removeprefix(_MARK))
            printed[number].append(line.rstrip("\n"))
    if shell.returncode:
        raise SystemExit(f"block {number} ended with {shell.returncode}")
    return [
        f"block {place} does not print {line!r}"
        for place, block in enumerate(tour)
        for line in not_printed(block.quoted, printed[place])
    ]


def artifacts_of(api: str) -> list[dict[str, Any]]:
    """Return all artifacts of a server, the newest first."""
    found: list[dict[str, Any]] = []
    while True:
        body = {"limit": 200, "offset": len(found), "sort": "CREATED_DESC"}
        some = httpx.post(f"{api}/artifacts/filter", json=body, timeout=60, trust_env=False).json()
        found += some
        if len(some) < 200:
            return found


def newest(artifacts: Sequence[dict[str, Any]], start: str) -> dict[str, Any]:
    """Return the newest artifact whose key starts so."""
    for artifact in artifacts:
        if (artifact["key"] or "").startswith(start):
            return artifact
    raise SystemExit(f"no page {start!r}; pages: {', '.join(sorted({str(a['key']) for a in artifacts}))}")


def take_pages(
    home: Path, folder: Path, pages: Mapping[str, Page], others: Mapping[str, Page] | None = None
) -> list[dict[str, Any]]:
    """Take pages of the interface, and ``others`` whose key is their address; return all artifacts."""
    # The browser's driver is needed here alone.
    from tests.benchmarks.tour_browser import open_browser, take_picture

    api = Place(Settings(home=home)).prefect_api_url()
    interface = api.removesuffix("/api")
    artifacts = artifacts_of(api)
    folder.mkdir(parents=True, exist_ok=True)
    shots = {name: (page.key, page) for name, page in (others or {}).items()}
    for name, page in pages.items():
        shots[name] = (f"artifacts/artifact/{newest(artifacts, page.key)['id']}", page)
    with open_browser() as browser:
        for name, (address, page) in shots.items():
            place = f"{interface}/{address}"
            png = take_picture(browser, place, page.texts, page.height_px, LARGEST_BYTES)
            (folder / f"{name}.png").write_bytes(png)
            print(f"{name}: {address}, {len(png)} bytes", flush=True)
    return artifacts


def pictures(home: Path, folder: Path) -> None:
    """Take the pictures of the tour."""
    artifacts = take_pages(home, folder, PAGES, RUNS)
    for name, (start, which) in CHARTS.items():
        artifact = newest(artifacts, start)
        drawn = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(artifact["data"]))
        png = base64.b64decode(drawn[which])
        if len(png) > LARGEST_BYTES:
            raise SystemExit(f"{name} has {len(png)} bytes")
        (folder / f"{name}.png").write_bytes(png)
        print(f"{name}: {artifact['key']}, {len(png)} bytes", flush=True)


def main() -> None:
    """Play the tour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    *all_but_last, last = blocks(TOUR.read_text(encoding="utf-8"))
    started = time.monotonic()
    missing: list[str] = []
    try:
        missing += play(options.home, all_but_last)
        if options.images:
            pictures(options.home, options.images)
    finally:
        missing += play(options.home, [last])
    print(f"{len(all_but_last) + 1} blocks of commands in {(time.monotonic() - started) / 60:.1f} minutes")
    if missing:
        raise SystemExit("\n".join(missing))
    print("all that the page quotes was printed")


if __name__ == "__main__":
    main()

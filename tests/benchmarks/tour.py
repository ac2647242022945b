"""Play the tour of docs/tour.md, command by command, and make its pictures.

    python -m tests.benchmarks.tour --home /tmp/tour [--images docs/images]

Takes a home of its own, ten to twenty minutes, and exits with the code of the first command that fails. The
pictures are those that the service put on its pages.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
PICTURES = {
    "tour-scene": ("scene-tour-", "MSIL2A", 0),
    "tour-parcel": ("ndvi-tour-", "", 0),
    "tour-practice": ("practices-tour-", "", -1),
    "tour-crops": ("crop-types-tour", "", -1),
}
"""File -> start of the artifact's key, a text its page holds, which of its pictures."""
LARGEST_BYTES = 150_000


def blocks(text: str) -> list[str]:
    """Return the commands of the tour, a block each."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def play(home: Path, commands: list[str]) -> None:
    """Run the blocks in one shell; stop at the first command that fails."""
    script = "set -euo pipefail\n" + "\n".join(
        f"echo '=== block {number}'\n{block}" for number, block in enumerate(commands, start=1)
    )
    environment = {**os.environ, "SEN4CAP_HOME": str(home)}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    subprocess.run(["bash", "-c", script], env=environment, check=True)


def pictures(home: Path, folder: Path) -> None:
    """Take the pictures from the pages of the runs."""
    api = Place(Settings(home=home)).prefect_api_url()
    artifacts: list[dict[str, Any]] = []
    while True:
        body = {"limit": 200, "offset": len(artifacts), "sort": "CREATED_DESC"}
        found = httpx.post(f"{api}/artifacts/filter", json=body, timeout=60, trust_env=False).json()
        artifacts += found
        if len(found) < 200:
            break
    for name, (start, text, which) in PICTURES.items():
        for artifact in artifacts:
            page = str(artifact["data"])
            drawn = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
            if (artifact["key"] or "").startswith(start) and text in page and drawn:
                png = base64.b64decode(drawn[which])
                if len(png) <= LARGEST_BYTES:
                    (folder / f"{name}.png").write_bytes(png)
                    print(f"{name}: {artifact['key']}, {len(png)} bytes")
                    break
        else:
            keys = sorted({str(artifact["key"]) for artifact in artifacts})
            print(f"{name}: no picture on a page {start!r}; pages: {', '.join(keys)}")


def main() -> None:
    """Play the tour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    *all_but_last, last = blocks(TOUR.read_text(encoding="utf-8"))
    started = time.monotonic()
    try:
        play(options.home, all_but_last)
        if options.images:
            pictures(options.home, options.images)
    finally:
        play(options.home, [last])
    print(f"{len(all_but_last) + 1} blocks of commands in {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()

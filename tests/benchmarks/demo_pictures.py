"""Play the demonstration and take the pictures of README and quick start.

    python -m tests.benchmarks.demo_pictures --home /tmp/demo --images docs/images

Takes a home of its own, some minutes. Ends with an error where the demonstration does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.tour import Page, take_pages

PAGES = {
    "prefect-scene": Page("scene-demo-30tum-20190630", ("30TUM on 2019-06-30",), 1150),
    "prefect-mowing": Page("mowing-demo-main-2019", ("Mowing events", "Latest mowings"), 1410),
}


def main() -> None:
    """Play the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    options = parser.parse_args()
    environment = {**os.environ, "SEN4CAP_HOME": str(options.home), "COLUMNS": "200"}
    command = str(Path(sys.executable).parent / "sen4cap")
    try:
        subprocess.run([command, "demo"], env=environment, check=True)
        take_pages(options.home, options.images, PAGES)
    finally:
        subprocess.run([command, "down"], env=environment, check=True)


if __name__ == "__main__":
    main()

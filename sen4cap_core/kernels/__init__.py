"""Numba on bare arrays: no files, no dates, no Python objects, no database.

Compiled kernels are kept on disk, in a folder of their own for each state of the sources: numba looks at the
time of a kernel's own file only, and would go on using an old version of a kernel that another one calls.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from numba import config


def _cache_folder() -> Path:
    """Return where compiled kernels belong: below ``NUMBA_CACHE_DIR``, else below the user's cache folder."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(given) if given else Path(cache) / "sen4cap" / "numba"
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return base / digest.hexdigest()[:16]


def _keep_compiled() -> None:
    folder = _cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Nowhere to keep them: each process compiles anew, some seconds.
        vars(config)["CACHE_DIR"] = ""
        return
    vars(config)["CACHE_DIR"] = str(folder)


_keep_compiled()

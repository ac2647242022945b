"""How the person at the terminal calls this command."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def own_name() -> str:
    """Return ``sen4cap`` where the shell finds it, else its path, as after ``make demo``."""
    if shutil.which("sen4cap"):
        return "sen4cap"
    path = Path(sys.executable).with_name("sen4cap")
    below = os.path.relpath(path)
    return str(path) if below.startswith(os.pardir) else below

"""How the person at the terminal calls this command, and what a path they gave will do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import typer


def own_name() -> str:
    """Return ``sen4cap`` where the shell finds it, else its path, as after ``make demo``."""
    if shutil.which("sen4cap"):
        return "sen4cap"
    path = Path(sys.executable).with_name("sen4cap")
    below = os.path.relpath(path)
    return str(path) if below.startswith(os.pardir) else below


def tell_new_folder(out: Path | Sequence[Path] | None) -> Path | Sequence[Path] | None:
    """Say of each file to write that its folder is made with it, so that a mistyped path is seen."""
    files = [out] if isinstance(out, Path) else list(out or ())
    for folder in sorted({path.absolute().parent for path in files}):
        if not folder.exists():
            typer.echo(f"the folder {folder} is not there yet: it is made", err=True)
    return out

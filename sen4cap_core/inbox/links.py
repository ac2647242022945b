"""Links in the upload folder: who may write into one site's folder reaches nothing else through them."""

from __future__ import annotations

import os
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Kind, Misplaced, UploadPlace, place_of

_ARCHIVED = (Kind.SCENE, Kind.RADAR)


def leads_out(path: Path, root: Path) -> Misplaced | None:
    """Return what is wrong with a link below the upload folder; None for a file, a folder or a fair link.

    Fair are links within the site's own folder; links of scenes to an archive outside of the upload folder;
    and a site's whole folder on another disk. Anything else would let whoever may write here have files read
    that are not theirs, and see in receipts and rejections what is in them.
    """
    if not path.is_symlink():
        return None
    # Not resolve(): that raises for a link that points at itself.
    target = Path(os.path.realpath(path))
    site, *rest = path.relative_to(root).parts
    top = root.resolve()
    if not rest:
        is_fair = not target.is_relative_to(top) and not top.is_relative_to(target)
    elif target.is_relative_to((root / site).resolve()):
        # A link to a folder above itself would be walked in circles.
        is_fair = not path.parent.resolve().is_relative_to(target)
    else:
        is_fair = _is_scene(path, root) and not target.is_relative_to(top) and not top.is_relative_to(target)
    if is_fair:
        return None
    error = BadUploadError(
        path,
        "this is a link that leads out of the site's folder.",
        expected="files themselves; only scenes may be links, to an archive outside of the upload folder",
        remedy="copy the file here in place of the link.",
    )
    return Misplaced(path, error)


def _is_scene(path: Path, root: Path) -> bool:
    for probe in (path, path / "anything"):
        place = place_of(probe, root)
        if isinstance(place, UploadPlace) and place.kind in _ARCHIVED:
            return True
    return False

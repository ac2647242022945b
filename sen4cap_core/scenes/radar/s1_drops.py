"""Which loose files of a folder are one radar product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.scenes.radar.s1_cslc import find_pairs, match_cslc
from sen4cap_core.scenes.radar.s1_dimap import data_folder, is_dimap
from sen4cap_core.scenes.radar.s1_files import group_files
from sen4cap_core.scenes.radar.s1_names import match_radar
from sen4cap_core.scenes.radar.s1_sidecars import sidecars_of

_SIDECARS = (".mtd", ".xml", ".aux.xml", ".iso.xml", ".png", ".jpg", ".jpeg", ".kmz", ".txt", ".md", ".log")


@dataclass(frozen=True)
class RadarDrop:
    """One product as it lies in a folder."""

    main: Path
    """The file it is known by."""
    parts: tuple[Path, ...]
    """Its other files and folders that count."""
    companions: tuple[Path, ...] = ()
    """Files that came with it and are not read: pictures, reports, further layers."""


def find_radar_drops(entries: Sequence[Path]) -> Iterator[RadarDrop]:
    """Find the products among the entries of one folder."""
    files = {entry.name: entry for entry in entries if entry.is_file()}
    groups = group_files(files)
    grouped: set[Path] = set()
    for group in groups:
        members = [files[name] for name in group.files.values()]
        main = files[group.main]
        sidecars = [files[name] for name in sidecars_of(main.name, group.stem) if name in files]
        parts = [path for path in (*members, *sidecars) if path != main]
        stem = _shared_stem(group.main)
        companions = [
            path
            for name, path in files.items()
            if path not in (*members, *sidecars)
            and name.startswith(stem)
            and _is_companion(name, group.others)
        ]
        grouped.update(members)
        yield RadarDrop(main, tuple(sorted(parts)), tuple(companions))
    for path in files.values():
        if is_dimap(path):
            folder = data_folder(path)
            yield RadarDrop(path, (folder,) if folder.is_dir() else ())
    for later, earlier in find_pairs(files):
        yield RadarDrop(files[later], (files[earlier],))
    for name, path in files.items():
        # A name that states an impossible date or pair: taken up, so that it is refused with its reason.
        if path not in grouped and _is_contradictory(name):
            yield RadarDrop(path, ())


def waits_for_partner(name: str) -> bool:
    """Whether a file is one acquisition of a pair, of which there is no product before the other comes."""
    return match_cslc(name) is not None


def _shared_stem(name: str) -> str:
    """Start of the names of what a producer delivers with a file."""
    radar = match_radar(name)
    return radar.stem if radar is not None and name.startswith(radar.stem) else Path(name).stem


def _is_companion(name: str, others: tuple[str, ...]) -> bool:
    return name in others or name.lower().endswith((*_SIDECARS, ".tif"))


def _is_contradictory(name: str) -> bool:
    try:
        match_radar(name)
    except ValueError:
        return True
    return False

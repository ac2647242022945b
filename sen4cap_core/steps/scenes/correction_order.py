"""In which order Level-1 products are corrected: MAJA makes each date from the one before it.

Products of one satellite, tile and orbit are made one at a time and by date, also where they were dropped in
another order. One that failed and is to be tried again holds up its later dates until it is made or given up.
A date that comes when later ones are made already starts from the last before it; those stay as they are.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sen4cap_core.db.work import backlog
from sen4cap_core.external.level1 import Level1, name_of_level_1
from sen4cap_core.scenes.level1_drops import find_level_1, level_1_name
from sen4cap_core.steps.scenes.preprocess import corrector_of
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import PREPROCESS_SCENE


def corrections_in_turn(context: Context) -> list[str]:
    """Return the keys of the corrections whose turn it is, the earliest date first.

    Those under way are among them: one whose worker died is taken up again when its lease has run out.
    """
    with context.session() as session:
        waiting = backlog.open_uploads(session, PREPROCESS_SCENE)
    dated = [(_dated(job.path), job) for job in waiting]
    ready = []
    for product, job in dated:
        held = (
            job.state == "waiting"
            and corrector_of(context.settings) == "MAJA"
            and product is not None
            and any(
                _holds_up(other, of.state, product) for other, of in dated if of.site_slug == job.site_slug
            )
        )
        if not held:
            ready.append((product.instant if product else "", job.key))
    return [key for _, key in sorted(ready)]


def _holds_up(other: Level1 | None, state: str, product: Level1) -> bool:
    if other is None or other.history != product.history:
        return False
    return state == "running" or other.instant < product.instant


@lru_cache(maxsize=4096)
def _dated(path: str) -> Level1 | None:
    """Describe an upload; looked into once, since its archive may have another name."""
    found = name_of_level_1(Path(path).name)
    if found is None and (files := find_level_1(Path(path))) is not None:
        found = name_of_level_1(level_1_name(files))
    return Level1(Path(path), *found) if found else None

"""Acquisitions of a backlog fetched one after the other in one run: a run costs more than a small file."""

from __future__ import annotations

from prefect import flow

from flows.fetch_scene import Connections, fetch
from flows.runtime import each_by_itself, name_run, scope_tags, step_context
from sen4cap_core.steps.sources.fetch import FetchedScene


@flow(name="fetch-scenes")
def fetch_scenes(site_id: int, acquisition_keys: list[str]) -> dict[str, str | None]:
    """Do for each of some acquisitions what a run of fetch-scene does.

    Returns for each acquisition None, or why it did not come. Such a one has a second try in a run of its
    own, whose state says how it ends: skipped, failed, or done.

    Args:
        site_id: number of the site in the database.
        acquisition_keys: which acquisitions, as the page of the sources shows them.
    """
    context = step_context()
    here: list[FetchedScene] = []
    # A connection is kept from file to file: to let it go and ask for it anew costs more than a small file.
    with Connections() as connections:
        reasons = each_by_itself(
            acquisition_keys, lambda key: here.append(fetch(context, site_id, key, connections)), "{}"
        )
    if here:
        first = here[0]
        others = f" and {len(here) - 1} more" if len(here) > 1 else ""
        name_run(f"fetch-scenes {first.offer.product_id}{others}", scope_tags(first.site))
    return reasons

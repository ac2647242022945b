"""Fetch one acquisition from the best of a site's sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import State, flow
from prefect.concurrency.sync import concurrency

from flows.runtime import name_run, scope_tags, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.service.accounts import stored_account
from sen4cap_core.steps.fetch_scene import fetch_scene as run_step
from sen4cap_core.steps.site_sources import NamedSource


@flow(name="fetch-scene")
def fetch_scene(site_id: int, acquisition_key: str) -> dict[str, Any] | State[None]:
    """Fetch an acquisition; another source is asked where the first one fails.

    Parameters
    ----------
    site_id : number of the site.
    acquisition_key : which acquisition, as the page of the sources shows it.
    """
    context = step_context()
    name_run(f"fetch-scene {acquisition_key}")
    try:
        done = run_step(context, site_id, acquisition_key, stored_account, _provider_limit)
    except NothingToDoError as reason:
        return skipped(reason)
    name_run(f"fetch-scene {done.offer.product_id}", scope_tags(done.site, tile=done.offer.tile))
    return {
        "product": done.offer.product_id,
        "source": done.offer.source,
        "path": str(done.path),
        "bytes": done.n_bytes,
        "seconds": round(done.seconds, 1),
        "tried before": list(done.passed_over),
    }


@contextmanager
def _provider_limit(source: NamedSource) -> Iterator[None]:
    """Hold one of the connections that the provider allows, over all workers and sites."""
    if source.limit_name is None:
        yield
        return
    with concurrency(source.limit_name, occupy=1):
        yield

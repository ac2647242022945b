"""Fetch one acquisition from the best of a site's sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

from prefect import State, flow
from prefect.concurrency.sync import concurrency

from flows.runtime import name_run, scope_tags, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.service.accounts import stored_account
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.sources.fetch import FetchedScene
from sen4cap_core.steps.sources.fetch import fetch_scene as run_step
from sen4cap_core.steps.sources.site import NamedSource


@flow(name="fetch-scene")
def fetch_scene(site_id: int, acquisition_key: str) -> dict[str, Any] | State[None]:
    """Fetch an acquisition; another source is asked where the first one fails.

    Args:
        site_id: number of the site in the database.
        acquisition_key: which acquisition, as the page of the sources shows it.
    """
    context = step_context()
    name_run(f"fetch-scene {acquisition_key}")
    try:
        with Connections() as connections:
            done = fetch(context, site_id, acquisition_key, connections)
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


class Connections:
    """The connection that a run holds of those that providers allow, over all workers and sites."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._held = ExitStack()

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    @contextmanager
    def hold(self, source: NamedSource) -> Iterator[None]:
        """Hold one of the connections a source allows; it stays ours for the next file of the same host."""
        if source.limit_name != self._name:
            self._let_go()
            if source.limit_name is not None:
                self._held.enter_context(concurrency(source.limit_name, occupy=1))
            self._name = source.limit_name
        yield

    def _let_go(self) -> None:
        self._name = None
        self._held.close()


def fetch(context: Context, site_id: int, acquisition_key: str, connections: Connections) -> FetchedScene:
    """Fetch an acquisition with the accounts and limits that Prefect keeps."""
    return run_step(context, site_id, acquisition_key, stored_account, connections.hold)
